#!/usr/bin/env python3
"""README shows programs that are compiled elsewhere: the text must be the same.

    readme.py ROOT            compares
    readme.py ROOT --write    copies the files into README instead

A block shown from a file stands behind a line `<!-- file: PATH -->`. Every C or C++ block must.
"""

import os
import re
import sys

BLOCK = re.compile(r"(?:<!-- file: (?P<path>\S+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
                   re.MULTILINE | re.DOTALL)


def write(root, path):
    def with_file(block):
        if block["path"] is None:
            return block[0]
        with open(os.path.join(root, block["path"]), encoding="utf-8") as file:
            text = file.read().strip("\n") + "\n"
        start, end = block.start("text") - block.start(), block.end("text") - block.start()
        return block[0][:start] + text + block[0][end:]

    with open(path, encoding="utf-8") as file:
        text = BLOCK.sub(with_file, file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


def main():
    root = sys.argv[1]
    if "--write" in sys.argv:
        return write(root, os.path.join(root, "README.md"))
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    problems, compared = [], 0
    for block in BLOCK.finditer(readme):
        line = readme.count("\n", 0, block.start()) + 1
        path = block["path"]
        if path is None:
            if block["language"] in ("c", "cpp"):
                problems.append(f"README.md:{line}: a {block['language']} block that no file backs")
            continue
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            problems.append(f"README.md:{line}: {path}: {error.strerror}")
            continue
        compared += 1
        if text.strip("\n") != block["text"].strip("\n"):
            problems.append(f"README.md:{line}: the block differs from {path}")
    if compared == 0 and not problems:
        problems.append("README.md:1: shows no program")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
