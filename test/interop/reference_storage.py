"""What the original server's storage makes of files, after its `dync/storage.py`: which dropbox takes one, under which name, and
what lies there afterwards. For comparison with what dync-server makes of the same uploads.

    reference_storage.py CONFIG < LINES

CONFIG is the original's configuration as JSON, which is YAML. Each line is an upload, {"name", "origin", "meta", "file"}; without
"file" only its destination is asked for. Answers are lines: {"path": …} or {"error": …}."""

import hashlib
import json
import os
import re
import shutil
import string
import sys
import tarfile
import tempfile

BARCODE = "Q[A-X0-9]{4}[0-9]{3}[A-X][A-X0-9]"
MARKER = ".MARKER_is_finished_"
ALLOWED = string.ascii_letters + string.digits + "_."


class Refused(Exception):
    pass


def cleaned(filename):
    stem, suffix = os.path.splitext(os.path.basename(filename))
    stem = "".join(letter for letter in stem if letter in ALLOWED).lstrip(".")
    if not stem or not all(letter in ALLOWED for letter in suffix):
        raise Refused("bad filename")
    return stem + suffix


def barcode_in(path):
    """The barcode in a name, valid or not; there has to be exactly one."""
    stem = os.path.splitext(os.path.basename(path))[0]
    found = re.findall(BARCODE, stem)
    if len(set(found)) != 1:
        raise Refused("none or several barcodes")
    return found[0]


def is_valid(barcode):
    total = sum(ord(letter) * place for place, letter in enumerate(barcode[:-1], 1)) % 34 + 48
    return barcode[-1] == chr(total + 7 if total > 57 else total)


def dropbox_for(name, origin, dropboxes):
    for box in dropboxes:
        if "origin" in box and origin not in box["origin"]:
            continue
        # Whatever comes is a file to it.
        if not box.get("match_file", True):
            continue
        if box.get("requires_barcode", True):
            try:
                if not is_valid(barcode_in(name)):
                    continue
            except Refused:
                continue
        if re.match(box["regexp"], name):
            return box["path"]
    raise Refused("no rule")


def destination(upload, storage):
    name, meta = upload["name"], upload["meta"]
    clean = cleaned(name)
    if name != os.path.basename(name) or name.startswith("."):
        raise Refused("invalid filename")
    if "passthrough" in meta:
        if re.search(r"\W", meta["passthrough"]):
            raise Refused("passthrough")
        return os.path.join(storage["manual"], meta["passthrough"], clean)
    return os.path.join(dropbox_for(name, upload["origin"], storage["dropboxes"]), clean)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def mark(path):
    try:
        barcode_in(path)
    except Refused:
        return
    with open(os.path.join(os.path.dirname(path), MARKER + os.path.basename(path)), "x"):
        pass


def store(upload, storage):
    target = destination(upload, storage)
    if os.path.exists(target):
        raise Refused("exists")
    folder = tempfile.mkdtemp(dir=storage["tmp_dir"])
    data = os.path.join(folder, os.path.basename(target))
    with open(upload["file"], "rb") as source, open(data, "wb") as copy:
        content = source.read()
        copy.write(content)
    if upload["meta"].get("untar") == "True" and tarfile.is_tarfile(data):
        return unpack(data, folder, target)
    digest = hashlib.sha256(content).hexdigest()
    write(data + ".sha256sum", digest + "\t" + os.path.basename(target))
    write(data + ".origlabfilename", upload["name"])
    write(os.path.join(folder, "source_dropbox.txt"), upload["origin"])
    os.rename(folder, target)
    mark(target)
    return target


def unpack(data, folder, target):
    with tarfile.open(data, "r") as tar:
        names = tar.getnames()
        tops = [name for name in names if "/" not in name]
        if len(names) > 10 or len(tops) != 1:
            raise Refused("too many files, or not in one folder")
        # As Python did before it had filters.
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        if tops[0] != os.path.basename(data):
            tar.extractall(folder)
            os.remove(data)
        else:
            raise Refused("the tar is named like what is in it")
    target = os.path.join(os.path.dirname(target), tops[0])
    os.rename(os.path.join(folder, tops[0]), target)
    shutil.rmtree(folder)
    mark(target)
    return target


def main():
    with open(sys.argv[1], encoding="utf8") as file:
        storage = json.load(file)["storage"]
    for line in sys.stdin:
        upload = json.loads(line)
        try:
            path = store(upload, storage) if "file" in upload else destination(upload, storage)
            answer = {"path": path}
        except Refused as reason:
            answer = {"error": str(reason)}
        print(json.dumps(answer))


main()
