"""One case of the corpus: a faulty function, its correct twin, and the findings that the audit must report."""

import sys

import corpus

# Each over-released object has this many more references, from a list that the collector sees, so that no run ends it.
# These lists must not die: they hold more references than are counted. The processes that run cases end with os._exit.
SPARE = 20000
SPARES = []
VICTIMS = []


def spare(victim):
    """Takes so many references to an object, which the collector sees, that over-releases do not end it."""
    SPARES.append([victim] * SPARE)
    VICTIMS.append(victim)
    return victim


def secure():
    """Takes references to each victim that the collector does not see.

    The collector of a debug build ends the process if it sees more references to an object than are counted. So no
    collection may run between the first over-release and this call.
    """
    while VICTIMS:
        corpus.hold(VICTIMS.pop(), SPARE)


def text(words="a text with no other holder"):
    """A new string: neither interned nor a constant, which some versions make immortal."""
    return words.encode().decode()


def name_of(kind):
    """The name of a type in reports, with its module."""
    return kind.__qualname__ if kind.__module__ == "builtins" else "%s.%s" % (kind.__module__, kind.__qualname__)


class Case:
    """`module.function_wrong` has the mistake, `module.function_right` does not.

    make     makes new arguments for each measurement
    call     calls the function with them, once a run; the default is function(*arguments)
    found    the wanted findings: references per run, by the type's name as CPython prints it
    objects  the wanted findings without an unexplained reference: objects per run, by type
    watched  the object or objects whose count the mistake changes; absent if the mistake leaks new objects
    raises   the exception of a run, which is caught
    since, until   the first and last version with the function, such as (3, 9)
    immortal       the first version in which the object is immortal, and the reason for the skip
    """

    def __init__(self, kind, name, found, make=tuple, call=None, *, function=None, watched=None, raises=(),
                 objects=None, since=(3, 8), until=(3, 99), immortal=None, module="corpus"):
        self.kind, self.name, self.make, self.raises = kind, name, make, raises
        self.found = found if isinstance(found, dict) else {found: 1}
        self.objects = objects or {}
        self.function = function or name
        self.call = call or (lambda function, *arguments: function(*arguments))
        self.watched, self.since, self.until, self.immortal = watched, since, until, immortal
        self.module = module

    def missing(self):
        """The reason why this Python can't show the mistake, or None."""
        if not self.since <= sys.version_info[:2] <= self.until:
            return "no such function in this version"
        if self.immortal and sys.version_info[:2] >= self.immortal[0]:
            return self.immortal[1]
        return None

    def resolve(self, which):
        """The function itself; `which` is "wrong" or "right"."""
        thing = __import__(self.module)
        for part in ("%s_%s" % (self.function, which)).split("."):
            thing = getattr(thing, part)
        return thing

    def runner(self, which):
        """A function without arguments that performs one run, and the arguments that it uses."""
        function, arguments, call, raises = self.resolve(which), self.make(), self.call, self.raises

        def run():
            call(function, *arguments)

        def run_and_catch():
            try:
                call(function, *arguments)
            except raises:
                return
            raise AssertionError("it should have raised")

        return (run_and_catch if raises else run), arguments


def leak(name, found, *rest, **more):
    """A case that leaks."""
    return Case("leak", name, found, *rest, **more)


def over(name, found, *rest, **more):
    """A case that releases a reference that it does not own."""
    return Case("over-release", name, found, *rest, **more)
