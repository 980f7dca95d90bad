import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DyncError } from "../../src/base/error.ts";
import { asksForJson, checkArguments, readRequest, sharedOptions } from "../../src/cli/args.ts";
import { type Command, defineCommand, type Program } from "../../src/cli/command.ts";
import { dync } from "../../src/cli/dync/main.ts";
import { dyncServer } from "../../src/cli/dync-server/main.ts";
import { dyncVariableNames } from "../../src/cli/own-variables.ts";

/** A program of that command alone. */
function programOf(command: Command): Program {
  return {
    name: "dync",
    variables: dyncVariableNames,
    usage: "",
    commands: [command],
    defaultCommand: command.name,
    endsAtHangup: true,
  };
}

/** What the command would have been given, or the error. */
async function parse(argv: readonly string[]): Promise<Record<string, unknown>> {
  let given: Record<string, unknown> = {};
  const probe = defineCommand({
    name: "probe",
    usage: "",
    options: {
      ...sharedOptions,
      "key-value": { type: "string", alias: "k", repeat: true },
      port: { type: "string", alias: "p" },
      quiet: { type: "boolean", alias: "q" },
      json: { type: "boolean" },
      server: { type: "positional", required: true },
      file: { type: "positional", required: false },
    },
    run: async (values) => {
      const { port, quiet, json, server, file } = values;
      given = { keyValue: values["key-value"], port, quiet, json, server, file };
      return 0;
    },
  });
  const program = programOf(probe);
  // The context is handed through untouched.
  await probe.run(checkArguments(program, probe, argv).values, null as never);
  return given;
}

describe("checkArguments()", () => {
  const accepted: readonly (readonly [string[], Record<string, unknown>])[] = [
    [["host"], { server: "host" }],
    [["host", "file"], { server: "host", file: "file" }],
    [["host", "-"], { server: "host", file: "-" }],
    [["-p", "1", "host"], { port: "1", server: "host" }],
    [["-p1", "host"], { port: "1", server: "host" }],
    [["-p=1", "host"], { port: "1", server: "host" }],
    [["--port", "1", "host"], { port: "1", server: "host" }],
    [["--port=1", "host"], { port: "1", server: "host" }],
    [["--port=--x", "host"], { port: "--x", server: "host" }],
    [["--port=a=b", "host"], { port: "a=b", server: "host" }],
    [["--port", "-", "host"], { port: "-", server: "host" }],
    [["host", "-k", "a:1", "file", "-k", "b:2"], { server: "host", file: "file", keyValue: ["a:1", "b:2"] }],
    [["-ka:1", "-k=b:2", "--key-value=c:3", "host"], { server: "host", keyValue: ["a:1", "b:2", "c:3"] }],
    [["-k", "a:1", "-k", "a:1", "host"], { server: "host", keyValue: ["a:1", "a:1"] }],
    [["-q", "host"], { quiet: true, server: "host" }],
    [["-qk", "a:1", "host"], { quiet: true, keyValue: ["a:1"], server: "host" }],
    [["-qp1", "host"], { quiet: true, port: "1", server: "host" }],
    [["-q", "--no-quiet", "host"], { quiet: false, server: "host" }],
    [["--", "-q", "--port"], { server: "-q", file: "--port" }],
    [["host", "--", "--no-json"], { server: "host", file: "--no-json" }],
    [["-k", "__proto__:1", "host"], { keyValue: ["__proto__:1"], server: "host" }],
  ];
  for (const [argv, values] of accepted) {
    test(`takes ${argv.join(" ")}`, async () => {
      const found = await parse(argv);
      expect<Record<string, unknown>>({
        ...found,
        quiet: found.quiet ?? false,
        json: found.json ?? false,
      }).toEqual({
        keyValue: [],
        port: undefined,
        quiet: false,
        json: false,
        file: undefined,
        ...values,
      });
    });
  }

  const refused: readonly (readonly [string[], string])[] = [
    [[], "SERVER is missing"],
    [[""], "SERVER is empty"],
    [["host", ""], "FILE is empty"],
    [["host", "file", "more"], 'Unexpected argument "more"'],
    [["host", "file", "--", "more"], 'Unexpected argument "more"'],
    [["--chunck", "9", "host"], 'Unknown option "--chunck"'],
    [["--chunck=9", "host"], 'Unknown option "--chunck"'],
    [["---port", "host"], 'Unknown option "---port"'],
    [["--server", "x"], 'Unknown option "--server"'],
    [["--no-port", "host"], 'Unknown option "--no-port"'],
    [["--no-such", "host"], 'Unknown option "--no-such"'],
    [["--constructor", "host"], 'Unknown option "--constructor"'],
    [["--keyValue", "a:1", "host"], 'Unknown option "--keyValue"'],
    [["-x", "host"], 'Unknown option "-x"'],
    [["-qx", "host"], 'Unknown option "-x" in "-qx"'],
    [["host", "-p"], 'Option "-p" needs a value'],
    [["host", "--port"], 'Option "--port" needs a value'],
    [["host", "-qk"], 'Option "-k" needs a value'],
    [["--port", "--json", "host"], 'Option "--port" needs a value, found "--json"'],
    [["-p", "-1", "host"], 'Option "-p" needs a value, found "-1"'],
    [["--port=", "host"], 'Option "--port" needs a value, found an empty one'],
    [["-p", "", "host"], 'Option "-p" needs a value, found an empty one'],
    [["-p", "1", "--port", "2", "host"], 'Option "--port" is given twice'],
    [["--json=yes", "host"], 'Option "--json" takes no value'],
  ];
  for (const [argv, message] of refused) {
    test(`refuses "${argv.join(" ")}"`, async () => {
      const error = await parse(argv).catch((it: unknown) => it);
      expect(error).toBeInstanceOf(DyncError);
      expect((error as DyncError).code).toBe("usage");
      expect((error as DyncError).message).toBe(message);
      expect((error as DyncError).hint).toBeDefined();
    });
  }

  test("collects what follows into a last positional argument that repeats", async () => {
    let ids: readonly string[] = [];
    const resume = defineCommand({
      name: "resume",
      usage: "",
      options: { ...sharedOptions, id: { type: "positional", required: false, repeat: true } },
      run: async (values) => {
        ids = values.id;
        return 0;
      },
    });
    const program = programOf(resume);
    for (const argv of [[], ["a"], ["a", "b", "--", "-c"]]) {
      await resume.run(checkArguments(program, resume, argv).values, null as never);
      expect(ids).toEqual(argv.filter((it) => it !== "--"));
    }
  });

  test("refuses or takes any words, and never loses a value", async () => {
    const word = fc.oneof(
      fc.constantFrom(
        "-k",
        "-p",
        "-q",
        "--port",
        "--json",
        "--",
        "-",
        "--no-quiet",
        "-qk",
        "--key-value=x:1",
      ),
      fc.string({ maxLength: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (argv) => {
        const found = await parse(argv).catch((error: unknown) => error);
        if (found instanceof Error) return expect(found).toBeInstanceOf(DyncError);
        const values = found as { keyValue: string[]; port?: string; server: string; file?: string };
        const strings = [...values.keyValue, values.port, values.server, values.file];
        for (const text of strings) if (text !== undefined) expect(argv.join("\n")).toContain(text);
      }),
    );
  });
});

/** The command, or group of commands, with that help. */
function nameOf({ commands, groups = [] }: Program, { usage }: { readonly usage: string }): string {
  return [...commands, ...groups].find((it) => it.usage === usage)?.name ?? "";
}

describe("readRequest()", () => {
  test("a group without one of its commands is told what these are", () => {
    expect(() => readRequest(dyncServer, ["config"])).toThrow('"config" needs one of check, show, example');
    expect(() => readRequest(dyncServer, ["config", "shw"])).toThrow('Unknown command "config shw"');
  });

  const requests: readonly (readonly [Program, string[], string])[] = [
    [dync, ["host", "file"], "send host file"],
    [dync, ["send", "host", "file"], "send host file"],
    [dync, ["send", "keygen"], "send keygen"],
    [dync, ["keygen", "--force"], "keygen --force"],
    [dync, ["--json", "keygen"], "keygen --json"],
    [dync, ["-n", "keygen", "host"], "send -n keygen host"],
    [dync, ["-qk", "keygen", "host"], "send -qk keygen host"],
    [dync, ["--port", "keygen"], "send --port keygen"],
    [dync, ["--port=1", "keygen"], "keygen --port=1"],
    [dync, ["--", "keygen"], "send -- keygen"],
    [dync, [], "bare"],
    [dyncServer, [], "run"],
    [dync, ["--help"], "help"],
    [dync, ["-h", "--nonsense"], "help"],
    [dync, ["keygen", "-h"], "help keygen"],
    [dync, ["help"], "help"],
    [dync, ["help", "keygen"], "help keygen"],
    [dync, ["host", "--", "--help"], "send host -- --help"],
    [dync, ["host", "-V"], "version"],
    [dync, ["--version"], "version"],
    [dyncServer, ["--port", "1"], "run --port 1"],
    [dyncServer, ["run", "--port", "1"], "run --port 1"],
    [dyncServer, ["clients"], "clients"],
    [dyncServer, ["config", "check", "x"], "config check x"],
    [dyncServer, ["--port", "1", "config", "--chunk", "2", "show"], "config show --port 1 --chunk 2"],
    [dyncServer, ["--config", "config", "check"], "run --config config check"],
    [dyncServer, ["config", "-h"], "help config"],
    [dyncServer, ["config", "show", "-h"], "help config show"],
    [dyncServer, ["help", "config", "show"], "help config show"],
    [dyncServer, ["help", "config"], "help config"],
  ];
  for (const [program, argv, expected] of requests) {
    test(`reads ${program.name} ${argv.join(" ")} as ${expected}`, () => {
      const request = readRequest(program, argv);
      const words =
        request.type === "run"
          ? [request.command.name, ...request.rest]
          : [
              request.type,
              ...(request.type === "help" && request.command ? [nameOf(program, request.command)] : []),
            ];
      expect(words.join(" ")).toBe(expected);
    });
  }
});

test("what stands behind -- belongs to another program where an option says so, and else to ours", () => {
  const probe = defineCommand({
    name: "probe",
    usage: "",
    options: {
      ...sharedOptions,
      run: { type: "boolean" },
      quiet: { type: "boolean", alias: "q" },
      file: { type: "positional", required: false, repeat: true },
      command: { type: "words", behind: "run" },
    },
    run: async () => 0,
  });
  const program = programOf(probe);
  const valuesOf = (...argv: readonly string[]) =>
    checkArguments(program, probe, argv, { isNamed: false, environment: {} }).values;
  expect(valuesOf("a", "--run", "--", "tar", "-q", "--run")).toMatchObject({
    quiet: false,
    file: ["a"],
    command: ["tar", "-q", "--run"],
  });
  expect(valuesOf("a", "--", "tar", "-q")).toMatchObject({ file: ["a", "tar", "-q"], command: [] });
});

test("asksForJson() looks no further than --", () => {
  expect(asksForJson(dync, ["host", "--json"], {})).toBe(true);
  expect(asksForJson(dync, ["host", "--", "--json"], {})).toBe(false);
});

describe("usage texts", () => {
  for (const { name, usage } of [dync, dyncServer].flatMap(({ groups }) => groups ?? []))
    test(`the help of the group "${name}" fits 80 columns`, () => {
      for (const line of usage.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    });

  for (const program of [dync, dyncServer]) {
    for (const command of program.commands) {
      const named = Object.entries(command.options).filter(
        ([, { type }]) => type !== "positional" && type !== "words",
      );

      test(`${program.name} ${command.name} --help names every option, and no other`, () => {
        const shown = new Set(command.usage.match(/(?<![\w-])--[a-z][a-z0-9-]*/g));
        if (command.usage === program.usage) expect(shown).toContain("--version");
        for (const [name, option] of named) {
          if (name === "version" || name === "json") continue;
          expect(shown).toContain(`--${name}`);
          if (option.type === "string" && "alias" in option) {
            expect(command.usage).toContain(`-${String(option.alias)}, --${name}`);
          }
        }
        for (const name of shown)
          expect(Object.keys(command.options)).toContain(name.slice(2).replace(/^no-/, ""));
      });

      test(`${program.name} ${command.name} --help fits 80 columns`, () => {
        for (const line of command.usage.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
      });
    }
  }
});
