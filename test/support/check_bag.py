"""Says whether a folder is a valid bag, by RFC 8493 alone: `check_bag.py FOLDER` prints each fault on a line, and ends with 1
where there is one. Knows nothing of the program that made the bag."""

import hashlib
import os
import re
import sys

# Section 2.4: all of these have to be understood by somebody; a bag may use others, of which we could say nothing.
ALGORITHMS = {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha512": "sha512"}
# Section 2.2.2: elements that may come once only.
SINGLE = {"bagging-date", "bag-size", "payload-oxum", "bag-group-identifier", "bag-count"}
faults = []


def fault(text):
    faults.append(text)


def text_of(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        data = file.read()
    if data.startswith(b"\xef\xbb\xbf"):
        fault(f"{name} begins with a byte order mark")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        fault(f"{name} is not UTF-8")
        return ""


def lines_of(text):
    # Section 2: a line ends with CR, LF or CRLF.
    return [line for line in re.split(r"\r\n|\r|\n", text)][:-1] if text else []


def files_below(folder):
    found = set()
    for parent, folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.islink(path) or not os.path.isfile(path):
                fault(f"{path} is no regular file")
            found.add(os.path.relpath(path, folder).replace(os.sep, "/"))
    return found


def decoded(path):
    # Section 2.1.3: only these three are encoded.
    return re.sub("%(0[AaDd]|25)", lambda found: chr(int(found.group(1), 16)), path)


def digest(path, algorithm):
    state = hashlib.new(algorithm)
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            state.update(piece)
    return state.hexdigest()


def check_declaration(folder):
    # Section 2.1.1: exactly two lines.
    if not os.path.isfile(os.path.join(folder, "bagit.txt")):
        return fault("there is no bagit.txt")
    lines = lines_of(text_of(folder, "bagit.txt"))
    if len(lines) != 2:
        return fault(f"bagit.txt has {len(lines)} lines")
    if not re.fullmatch(r"BagIt-Version: \d+\.\d+", lines[0]):
        fault(f"bagit.txt says {lines[0]!r}")
    if lines[0] != "BagIt-Version: 1.0":
        fault("the version is not the one of the RFC")
    if lines[1] != "Tag-File-Character-Encoding: UTF-8":
        fault(f"bagit.txt says {lines[1]!r}")


def manifest(folder, name, present, prefix):
    listed = {}
    for line in lines_of(text_of(folder, name)):
        found = re.fullmatch(r"([0-9A-Fa-f]+)[ \t]+\*?(.+)", line, re.DOTALL)
        if found is None:
            fault(f"{name} has the line {line!r}")
            continue
        path = decoded(found.group(2))
        if path.startswith("/") or ".." in path.split("/") or path.startswith("~") or re.match("[A-Za-z]:", path):
            fault(f"{name} names {path!r}, which leads out of the bag")
            continue
        if not path.startswith(prefix):
            fault(f"{name} names {path!r}")
        if path in listed:
            fault(f"{name} names {path!r} twice")
        listed[path] = found.group(1).lower()
    for path in sorted(set(listed) - present):
        fault(f"{name} names {path!r}, which is not there")
    algorithm = ALGORITHMS.get(name.rsplit("-", 1)[1].removesuffix(".txt"))
    if algorithm is None:
        fault(f"{name} is of an unknown algorithm")
        return listed
    for path in sorted(set(listed) & present):
        if digest(os.path.join(folder, path), algorithm) != listed[path]:
            fault(f"{path!r} is not what {name} says")
    return listed


def check_info(folder, payload):
    # Section 2.2.2.
    if not os.path.isfile(os.path.join(folder, "bag-info.txt")):
        return
    elements = []
    for line in lines_of(text_of(folder, "bag-info.txt")):
        if line[:1] in (" ", "\t") and elements:
            elements[-1][1] += " " + line.strip()
            continue
        found = re.fullmatch(r"([^:\s](?:[^:]*[^:\s])?):[ \t](.*)", line)
        if found is None:
            fault(f"bag-info.txt has the line {line!r}")
            continue
        elements.append([found.group(1), found.group(2)])
    labels = [label.lower() for label, _ in elements]
    for label in SINGLE:
        if labels.count(label) > 1:
            fault(f"bag-info.txt has {label} more than once")
    for label, value in elements:
        if label.lower() == "payload-oxum":
            size = sum(os.path.getsize(os.path.join(folder, path)) for path in payload)
            if value != f"{size}.{len(payload)}":
                fault(f"Payload-Oxum is {value}, the payload is {size}.{len(payload)}")
        if label.lower() == "bagging-date" and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            fault(f"Bagging-Date is {value!r}")


def main(folder):
    check_declaration(folder)
    if not os.path.isdir(os.path.join(folder, "data")):
        fault("there is no folder data")
    everything = files_below(folder)
    payload = {path for path in everything if path.startswith("data/")}
    names = [name for name in sorted(everything) if "/" not in name]
    manifests = [name for name in names if re.fullmatch(r"manifest-\w+\.txt", name)]
    if not manifests:
        fault("there is no manifest")
    for name in manifests:
        # Section 3: every manifest lists every payload file.
        for path in sorted(payload - set(manifest(folder, name, payload, "data/"))):
            fault(f"{name} does not name {path!r}")
    for name in names:
        if not re.fullmatch(r"tagmanifest-\w+\.txt", name):
            continue
        listed = manifest(folder, name, everything - payload, "")
        if any(path.startswith("tagmanifest-") for path in listed):
            fault(f"{name} names a tag manifest")
        for other in manifests:
            if other not in listed:
                fault(f"{name} does not name {other}")
    check_info(folder, payload)


main(sys.argv[1])
for text in faults:
    print(text)
sys.exit(1 if faults else 0)
