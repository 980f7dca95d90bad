"""Reads what dync writes for launchd and the task scheduler, as JSON: {"kind": "plist" | "xml", "text": ...} on each line of stdin."""
import json
import plistlib
import sys
import xml.etree.ElementTree as tree

for line in sys.stdin:
    given = json.loads(line)
    data = given["text"].encode("utf-16" if given["kind"] == "xml" else "utf-8")
    if given["kind"] == "plist":
        print(json.dumps(plistlib.loads(data)))
    else:
        root = tree.fromstring(data)
        names = {}
        for element in root.iter():
            names.setdefault(element.tag.split("}")[1], []).append(element.text)
        print(json.dumps(names))
