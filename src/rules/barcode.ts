// The barcodes of samples in the names of files, as openBIS at QBiC has them: five letters and digits that name the project, a
// number, and a check character. The scripts that wait for files find by them what a file belongs to. Pure.

import { nameParts } from "../upload/openbis.ts";

const form = /Q[A-X0-9]{4}[0-9]{3}[A-X][A-X0-9]/g;

/** The one valid barcode that stands in `name` before its ending, or `null`: there is none, or there are several or wrong ones. */
export function barcodeIn(name: string): string | null {
  const barcode = barcodeLikeIn(name);
  return barcode !== null && isValid(barcode) ? barcode : null;
}

/** The same, whatever its check character is. */
export function barcodeLikeIn(name: string): string | null {
  const found = new Set(nameParts(name).stem.match(form));
  const [barcode] = found;
  return found.size === 1 && barcode !== undefined ? barcode : null;
}

function isValid(barcode: string): boolean {
  let sum = 0;
  for (const [index, character] of [...barcode.slice(0, -1)].entries())
    sum += (character.codePointAt(0) ?? 0) * (index + 1);
  const check = (sum % 34) + 48;
  return barcode.at(-1) === String.fromCharCode(check > 57 ? check + 7 : check);
}
