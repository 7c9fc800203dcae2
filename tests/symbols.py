"""No name is defined twice: neither in two libraries of ours nor in two files of one. And none is
global that only its own file uses, or nobody.

A linker takes whichever it meets first and says nothing as long as nobody needs the other file, so
two functions of one name and different types can live side by side for years.

symbols.py NM BUILD LIBRARY...: BUILD holds the objects of all programs and tests."""
import collections
import pathlib
import subprocess
import sys

GLOBAL = "TDBRCWV"  # nm(1): code, data, common and weak; what is local is in small letters


def definitions(nm, library):
    """Name and object file of each global that the library defines."""
    text = subprocess.run([nm, "--defined-only", "--extern-only", "--print-file-name", library],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in text.splitlines():
        where, kind, name = line.rsplit(None, 2)  # "LIBRARY:OBJECT:ADDRESS", "T", "name"
        if kind in GLOBAL and not name.startswith("__"):  # what sanitizers and compilers add
            yield name, where.rsplit(":", 2)[1] + " of " + library


def used(nm, build):
    """The names that an object file of the build wants from another."""
    objects = [str(o) for o in pathlib.Path(build).rglob("*.o")]
    text = subprocess.run([nm, "--undefined-only", "--format=posix", *objects],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = (line.split() for line in text.splitlines())
    return {row[0] for row in rows if row[1:2] == ["U"]}


def main(nm, build, *libraries):
    places = collections.defaultdict(list)
    for library in libraries:
        for name, place in definitions(nm, library):
            places[name].append(place)
    twice = {name: where for name, where in places.items() if len(where) > 1}
    for name, where in sorted(twice.items()):
        print(f"{name} is defined in {' and in '.join(where)}")
    wanted = used(nm, build)
    alone = {name: where for name, where in places.items()
             if name not in wanted and "libtunnel_proto" not in where[0]}  # that is generated
    for name, where in sorted(alone.items()):
        print(f"{name} in {where[0]} is used nowhere else: static, or nothing at all")
    print(f"{len(places)} names in {len(libraries)} libraries")
    return 1 if twice or alone or not places else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
