#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes wordnet.edges.gz and WORDNET-LICENSE from WordNet's data files.

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb unpacked
    python3 make-wordnet.py unpacked/usr/share/wordnet [OUTPUT-FOLDER]

The output depends on the data files alone: equal input gives equal uncompressed bytes. The compressed bytes also depend on
the zlib that Python was built with. README.md beside this file describes the format and carries both checksums.
"""
import gzip
import hashlib
import pathlib
import sys

# Node ids run through the parts of speech in this order, within one by the synset's place in its data file.
PARTS = ("noun", "verb", "adj", "adv")

# The letters that name a part of speech in the data files; s is an adjective satellite and lives in data.adj.
PART_OF_LETTER = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}


def read_part(path):
    """The licence lines, and for each synset its offset and the (part, offset) pairs that its pointers name."""
    licence, synsets = [], []
    offset = 0
    with open(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.decode("ascii")
            if line.startswith("  "):
                licence.append(line.split(maxsplit=1)[1].rstrip() if len(line.split(maxsplit=1)) > 1 else "")
            else:
                fields = line.partition(" | ")[0].split()
                if int(fields[0]) != offset:
                    raise SystemExit(f"{path}:{number}: synset {fields[0]} stands at byte {offset}; the file is damaged")
                words = int(fields[3], 16)
                at = 4 + 2 * words
                pointers = [(PART_OF_LETTER[fields[i + 2]], int(fields[i + 1])) for i in range(at + 1, at + 1 + 4 * int(fields[at]), 4)]
                synsets.append((offset, pointers))
            offset += len(raw)
    return licence, synsets


def main(source, target):
    """Reads the four data files and writes the two output files."""
    parts = {}
    licence = None
    for part in PARTS:
        text, parts[part] = read_part(source / f"data.{part}")
        if licence is not None and licence != text:
            raise SystemExit(f"data.{part} carries another licence text than the files before it")
        licence = text

    ids = {}
    for part in PARTS:
        for offset, _ in parts[part]:
            ids[part, offset] = len(ids)

    pointers = 0
    edges = set()
    for part in PARTS:
        for offset, named in parts[part]:
            pointers += len(named)
            edges.update((ids[part, offset], ids[to]) for to in named)

    header = [
        "WordNet 3.0: the graph of synsets and the pointers between them",
        "source: Debian package wordnet-base 1:3.0-37, files data.noun, data.verb, data.adj, data.adv",
        "origin: https://wordnet.princeton.edu/",
        "licence: WordNet 3.0 license, in full below",
        "format: one directed edge a line, source and target id, sorted; made by make-wordnet.py",
        "ids: " + ", ".join(f"{part} {ids[part, parts[part][0][0]]}..{ids[part, parts[part][-1][0]]}" for part in PARTS),
        f"nodes: {len(ids)}",
        f"edges: {len(edges)}",
        f"pointers: {pointers} (several pointers from one synset to the same other one are one edge)",
        "",
    ]
    lines = [("# " + line).rstrip() for line in header + licence]
    lines += [f"{a} {b}" for a, b in sorted(edges)]
    text = ("\n".join(lines) + "\n").encode("ascii")

    target.mkdir(parents=True, exist_ok=True)
    (target / "WORDNET-LICENSE").write_text("\n".join(licence) + "\n", encoding="ascii")
    packed = gzip.compress(text, compresslevel=9, mtime=0)
    (target / "wordnet.edges.gz").write_bytes(packed)
    print(f"{len(ids)} nodes, {len(edges)} edges, {pointers} pointers")
    print(f"uncompressed {len(text)} bytes, sha256 {hashlib.sha256(text).hexdigest()}")
    print(f"compressed   {len(packed)} bytes, sha256 {hashlib.sha256(packed).hexdigest()}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else pathlib.Path(__file__).parent))
