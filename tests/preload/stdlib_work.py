"""Real work with json, re and pickle, for a Python without the test package."""

import io
import json
import os
import pickle
import pickletools
import re
import sys
import tokenize


def texts():
    """The names and texts of some modules of the standard library."""
    folder = os.path.dirname(json.__file__)
    library = os.path.dirname(folder)
    for where in (folder, library):
        for name in sorted(os.listdir(where)):
            if name.endswith(".py"):
                with open(os.path.join(where, name), encoding="utf-8") as file:
                    yield name, file.read()


def main():
    words, files = {}, 0
    for name, text in texts():
        found = re.findall(r"(?P<word>[A-Za-z_]\w*)|(?P<number>\d+(?:\.\d*)?)", text)
        for word, number in found:
            words[word or number] = words.get(word or number, 0) + 1
        facts = {"name": name, "words": len(found), "lines": text.splitlines()[:200]}
        if json.loads(json.dumps(facts, indent=1)) != facts:
            sys.exit("json lost something of %s" % name)
        tokens = [tuple(token) for token in tokenize.generate_tokens(io.StringIO(text).readline)][:3000]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            if pickle.loads(pickle.dumps(tokens, protocol)) != tokens:
                sys.exit("pickle lost something of %s" % name)
        pickletools.optimize(pickle.dumps(facts))
        files += 1
        if files == 60:
            break
    print("done: %d files, %d different words, read, searched, pickled and written as JSON" % (files, len(words)))


if __name__ == "__main__":
    main()
