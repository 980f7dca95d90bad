// Which faults there are in what a schema found wrong: of parts that only lead to others these are told, and of several forms of
// which none fits one sentence says what each of them misses.

import { cutText } from "../base/cut-text.ts";
import type { Fault } from "../base/error.ts";
import {
  describe,
  type Finding,
  fieldText,
  listOf,
  placeOf,
  type SchemaObject,
  stepsOf,
  type Told,
} from "./schema-words.ts";

/** A finding, and those that led to it. */
export interface FindingTree extends Finding {
  readonly errors?: readonly FindingTree[] | undefined;
}

/** What was looked at by what. */
interface Looked {
  readonly root: SchemaObject;
  readonly metadata: unknown;
  /** So many findings may still be put into words. */
  left: number;
}

// Each takes some of a millisecond, and a list may have a hundred thousand values that are wrong.
const describedMax = 500;
const formsMax = 4;
const faultsOfFormMax = 3;
const formBytesMax = 200;

/** Stands for a fault that was not put into words. */
const further: Told = { path: "", text: "" };

/** What is wrong with `metadata` by `findings`, which the schema `root` led to; without words where there are very many. */
export function faultsOf(
  findings: readonly FindingTree[],
  root: SchemaObject,
  metadata: unknown,
): readonly Fault[] {
  return toldOf(findings, { root, metadata, left: describedMax }).map(({ path, text, types, missing }) => ({
    path,
    text,
    ...(types === undefined ? {} : { types }),
    ...(missing === undefined ? {} : { missing }),
  }));
}

function toldOf(findings: readonly FindingTree[], looked: Looked): readonly Told[] {
  return findings.flatMap((it) => toldOfOne(it, looked));
}

function toldOfOne(finding: FindingTree, looked: Looked): readonly Told[] {
  const { errors = [] } = finding;
  const name = stepsOf(finding.absoluteKeywordLocation).at(-1) ?? "";
  if (errors.length > 0 && (name === "anyOf" || name === "oneOf"))
    return formsFaults(finding, errors, looked);
  // Which of a list's values could have been one that it has to hold is anybody's guess.
  const leadsOn = errors.length > 0 && name !== "contains";
  if (leadsOn) return toldOf(errors, looked);
  looked.left -= 1;
  return looked.left < 0 ? [further] : [describe(finding, looked.root, looked.metadata)];
}

function formsFaults(finding: FindingTree, errors: readonly FindingTree[], looked: Looked): readonly Told[] {
  if (looked.left <= 0) return [further];
  const { absoluteKeywordLocation: location, instanceLocation } = finding;
  const [place, keyword] = placeOf(finding, looked.root);
  const choices = place[keyword];
  const count = Array.isArray(choices) ? choices.length : 0;
  const formOf = (it: FindingTree): string =>
    it.absoluteKeywordLocation.slice(location.length).split("/")[1] ?? "";
  const forms = [...Map.groupBy(errors, formOf)].map(([form, of]) => ({ form, faults: toldOf(of, looked) }));
  const told = describe(finding, looked.root, looked.metadata);
  if (forms.length < count) {
    const fitting = `fits ${count - forms.length} of ${count} forms at once, wanted is exactly one of them`;
    return [{ path: told.path, text: `${fieldText(instanceLocation)} ${fitting}` }];
  }
  const all = forms.map(({ faults }) => faults);
  const meant = forms.filter(({ faults }) => !faults.some((it) => isTag(it, told)));
  const tags = all.flat().filter((it) => isTag(it, told));
  const kinds = all.map((faults) => faults.filter((it) => isTag(it, told)).slice(0, 1));
  // It is of no form's kind: which kinds there are says all.
  const [kind] = tags;
  const ofKinds = kind === undefined ? null : oneOfValues(kind, kinds);
  if (ofKinds !== null) return [ofKinds];
  const [only] = meant;
  const schema = schemaAt((choices as readonly unknown[] | undefined)?.[Number(only?.form)], looked.root);
  if (only !== undefined && meant.length === 1 && tags.every(({ name }) => isChosenBy(schema, name)))
    return only.faults;
  return [
    oneOfValues(told, all) ?? oneOfFields(told, all) ?? noForm(told, forms, { finding, place, keyword }),
  ];
}

/** Whether by this one form is told from another: a field has one of some values there. */
function isTag({ isChoice, path, name }: Told, { path: around }: Told): boolean {
  return isChoice === true && name !== undefined && path === (around === "" ? name : `${around}.${name}`);
}

function isChosenBy(schema: SchemaObject | null, name: string | undefined): boolean {
  const fields = schema?.properties as Readonly<Record<string, unknown>> | undefined;
  const field =
    name !== undefined && fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : null;
  return typeof field === "object" && field !== null && ("const" in field || "enum" in field);
}

/** `schema`, or what it refers to in `root`. */
function schemaAt(schema: unknown, root: SchemaObject): SchemaObject | null {
  if (typeof schema !== "object" || schema === null) return null;
  const { $ref } = schema as SchemaObject;
  if (typeof $ref !== "string" || !$ref.startsWith("#/")) return schema as SchemaObject;
  const [place, last] = placeOf({ absoluteKeywordLocation: $ref }, root);
  return (place[last] ?? null) as SchemaObject | null;
}

/** Where each form wants another value in the same place. */
function oneOfValues(told: Told, forms: readonly (readonly Told[])[]): Told | null {
  const each = forms.map(([fault, another]) => (another === undefined ? fault : undefined));
  const isSame = (it: Told | undefined): it is Told & { fact: string; wanted: string } =>
    it?.path === told.path && it.wanted !== undefined && it.fact !== undefined;
  if (!each.every(isSame)) return null;
  const [first] = each;
  if (first === undefined) return null;
  const wanted = [...new Set(each.map((it) => it.wanted))];
  const types = each.flatMap((it) => it.types ?? []);
  const text = `${first.fact}, wanted is ${listOf(wanted)}`;
  return {
    ...told,
    text,
    fact: first.fact,
    wanted: listOf(wanted),
    types: types.length === 0 ? undefined : types,
  };
}

/** Where each form wants a field of the same group to be there. */
function oneOfFields(told: Told, forms: readonly (readonly Told[])[]): Told | null {
  const each = forms.map(([fault, another]) => (another === undefined ? fault?.missing : undefined));
  if (!each.every((it) => it !== undefined && it.length > 0)) return null;
  const names = each.map((it) =>
    listOf(
      (it ?? []).map((name) => `"${name}"`),
      "and",
    ),
  );
  return { path: told.path, text: `${listOf([...new Set(names)])} has to be there` };
}

function noForm(
  { path }: Told,
  forms: readonly { readonly form: string; readonly faults: readonly Told[] }[],
  {
    finding,
    place,
    keyword,
  }: { readonly finding: Finding; readonly place: SchemaObject; readonly keyword: string },
): Told {
  const choices = place[keyword] as readonly unknown[] | undefined;
  const texts = forms.slice(0, formsMax).map(({ form, faults }, index) => {
    const title = (choices?.[Number(form)] as SchemaObject | undefined)?.title;
    const some = faults
      .slice(0, faultsOfFormMax)
      .map(({ text, short }) => cutText(short ?? text, formBytesMax));
    const rest = faults.length > faultsOfFormMax ? [`${faults.length - faultsOfFormMax} more`] : [];
    const label = typeof title === "string" ? cutText(title, formBytesMax) : String(index + 1);
    return `(${label}) ${listOf([...some, ...rest], "and")}`;
  });
  const more = forms.length > formsMax ? ` and ${forms.length - formsMax} more` : "";
  const field = fieldText(finding.instanceLocation);
  const fits = path === "" ? "fit" : "fits";
  const short = `${field} ${fits} none of ${forms.length} forms`;
  return { path, text: `${short}: ${texts.join(" ")}${more}`, short };
}
