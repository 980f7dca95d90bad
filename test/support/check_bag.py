"""Says whether a folder is a valid bag, by RFC 8493 alone: `check_bag.py FOLDER` prints each fault on a line, and ends with 1
where there is one. Knows nothing of the program that made the bag. The bag has to be of the RFC's version, in UTF-8; with `--any`
it may also be of an earlier one, and what that leaves open is none, and in another encoding."""

import hashlib
import os
import re
import sys

# Section 2.4: a bag may use others, of which we could say nothing.
ALGORITHMS = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
# Section 2.2.2: elements that may come once only.
SINGLE = {"bagging-date", "bag-size", "payload-oxum", "bag-group-identifier", "bag-count"}
EARLIER = {"0.93", "0.94", "0.95", "0.96", "0.97"}
faults = []
version = "1.0"
encoding = "UTF-8"


def fault(text):
    faults.append(text)


def text_of(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        data = file.read()
    if data.startswith(b"\xef\xbb\xbf"):
        fault(f"{name} begins with a byte order mark")
    try:
        return data.decode("utf-8" if name == "bagit.txt" else encoding)
    except (UnicodeDecodeError, LookupError):
        fault(f"{name} is not {encoding}")
        return ""


def lines_of(text):
    # Section 2: a line ends with CR, LF or CRLF.
    lines = re.split(r"\r\n|\r|\n", text)
    # Which the RFC wants of the last one too.
    return lines if version in EARLIER and lines[-1] else lines[:-1]


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


def check_declaration(folder, any_version):
    global version, encoding
    # Section 2.1.1: exactly two lines.
    if not os.path.isfile(os.path.join(folder, "bagit.txt")):
        return fault("there is no bagit.txt")
    text = text_of(folder, "bagit.txt")
    found = re.match(r"BagIt-Version: (\d+\.\d+)[\r\n]", text)
    if found is None:
        fault(f"bagit.txt begins with {text[:20]!r}")
    elif any_version and found.group(1) in EARLIER:
        version = found.group(1)
    elif found.group(1) != "1.0":
        fault("the version is not the one of the RFC")
    lines = lines_of(text)
    if len(lines) != 2:
        return fault(f"bagit.txt has {len(lines)} lines")
    found = re.fullmatch(r"Tag-File-Character-Encoding: (\S+)", lines[1])
    if found is None or (found.group(1) != "UTF-8" and not any_version):
        return fault(f"bagit.txt says {lines[1]!r}")
    encoding = found.group(1)


def leads_out(path):
    parts = re.split(r"[/\\]", path)
    return path.startswith(("/", "\\", "~", "%")) or ".." in parts or re.match("[A-Za-z]:", path) is not None


def manifest(folder, name, present, prefix):
    listed = {}
    for line in lines_of(text_of(folder, name)):
        found = re.fullmatch(r"([0-9A-Fa-f]+)[ \t]+\*?(.+)", line, re.DOTALL)
        if found is None:
            fault(f"{name} has the line {line!r}")
            continue
        path = decoded(found.group(2))
        if leads_out(path):
            fault(f"{name} names {path!r}, which leads out of the bag")
            continue
        if version in EARLIER:
            path = path.removeprefix("./")
        if not path.startswith(prefix):
            fault(f"{name} names {path!r}")
        sum_of_it = found.group(1).lower()
        # The earlier versions do not say that it may not be there once more.
        if path in listed and (version not in EARLIER or listed[path] != sum_of_it):
            fault(f"{name} names {path!r} twice")
        listed[path] = sum_of_it
    for path in sorted(set(listed) - present):
        fault(f"{name} names {path!r}, which is not there")
    algorithm = name.rsplit("-", 1)[1].removesuffix(".txt")
    if algorithm not in ALGORITHMS:
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
        separator = r"\s*:\s*" if version in EARLIER else r":[ \t]"
        found = re.fullmatch(rf"([^:\s](?:[^:]*[^:\s])?){separator}(.*)", line)
        if found is None:
            fault(f"bag-info.txt has the line {line!r}")
            continue
        elements.append([found.group(1), found.group(2)])
    labels = [label.lower() for label, _ in elements]
    for label in SINGLE:
        if labels.count(label) > 1 and version not in EARLIER:
            fault(f"bag-info.txt has {label} more than once")
    for label, value in elements:
        if label.lower() == "payload-oxum":
            size = sum(os.path.getsize(os.path.join(folder, path)) for path in payload)
            if value != f"{size}.{len(payload)}":
                fault(f"Payload-Oxum is {value}, the payload is {size}.{len(payload)}")
        if label.lower() == "bagging-date" and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            fault(f"Bagging-Date is {value!r}")


def check_fetch(folder, listed):
    # Section 2.2.3: what it fetches is payload, and in each manifest.
    if not os.path.isfile(os.path.join(folder, "fetch.txt")):
        return
    for line in lines_of(text_of(folder, "fetch.txt")):
        found = re.fullmatch(r"\S+[ \t]+(?:\d+|-)[ \t]+(.+)", line)
        if found is None:
            fault(f"fetch.txt has the line {line!r}")
            continue
        path = decoded(found.group(1))
        if leads_out(path):
            fault(f"fetch.txt names {path!r}, which leads out of the bag")
        elif not path.startswith("data/") or not all(path in paths for paths in listed):
            fault(f"fetch.txt names {path!r}, which is not in each manifest")


def main(folder, any_version=False):
    check_declaration(folder, any_version)
    if not os.path.isdir(os.path.join(folder, "data")):
        fault("there is no folder data")
    everything = files_below(folder)
    payload = {path for path in everything if path.startswith("data/")}
    names = [name for name in sorted(everything) if "/" not in name]
    manifests = [name for name in names if re.fullmatch(r"manifest-\w+\.txt", name)]
    if not manifests:
        fault("there is no manifest")
    listed_in = {name: manifest(folder, name, payload, "data/") for name in manifests}
    for name, listed in listed_in.items():
        # Section 3: every manifest lists every payload file.
        for path in sorted(payload - set(listed)):
            fault(f"{name} does not name {path!r}")
    check_fetch(folder, listed_in.values())
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


main(sys.argv[-1], sys.argv[1] == "--any")
for text in faults:
    print(text)
sys.exit(1 if faults else 0)
