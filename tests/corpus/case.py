"""What one case of the corpus is: a faulty function, its correct twin, and what is to be found."""

import sys

import corpus

# What each over-released object is held by besides, in a list that everybody can see, so that no run ends it.
# Nobody may release these lists: they hold more than is counted. The processes that run cases end with os._exit.
SPARE = 20000
SPARES = []
VICTIMS = []


def spare(victim):
    """Holds an object so often, visibly, that over-releases don't end it."""
    SPARES.append([victim] * SPARE)
    VICTIMS.append(victim)
    return victim


def secure():
    """Holds each victim invisibly, too.

    The collector of a debug build ends the process where it sees more holders than are counted, and so nobody may
    collect between the first over-release and this, unless the objects are held by somebody who isn't seen.
    """
    while VICTIMS:
        corpus.hold(VICTIMS.pop(), SPARE)


def text(words="a text that nobody else holds"):
    """A new string: neither interned nor a constant, which some versions make immortal."""
    return words.encode().decode()


def name_of(kind):
    """A type with its module, as reports name it."""
    return kind.__qualname__ if kind.__module__ == "builtins" else "%s.%s" % (kind.__module__, kind.__qualname__)


class Case:
    """`module.function_wrong` does it, `module.function_right` doesn't.

    make     makes the arguments, anew for each measurement
    call     calls the function with them, once a run; the default is function(*arguments)
    found    references per run by type, as CPython prints its name: what must be found
    objects  only where no reference is unexplained: objects per run by type
    watched  the object, or objects, whose own count the mistake changes; absent where it makes new ones
    raises   what a run raises, and is caught
    since, until   the versions, (3, 9) or so, that have the function at all
    immortal       from which version on the object can't be counted, and why
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
        """Why this Python can't show the mistake, or None."""
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
        """A function without arguments that is one run, and the arguments that it runs with."""
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
    """A case that releases what isn't its own."""
    return Case("over-release", name, found, *rest, **more)
