"""Objects with a suspended or finished frame that holds a given object: one family of held_families.py.

From 3.14 on most references on the evaluation stack of such a frame are borrowed from its variables, and not counted.
"""

import contextlib
import sys

from held_families import Plain, family

# By name: a function that makes such an object around its argument.
SHAPES = {}


def shape(function):
    SHAPES[function.__name__] = function
    return function


@family
def frames():
    return [make(Thing()) for make in SHAPES.values()]


class Thing(Plain):
    """An object with all methods that the shapes use."""

    def __enter__(self):
        return self

    __aiter__ = __enter__

    def __exit__(self, *error):
        pass

    async def __aenter__(self):
        return await self.method(self, Pause())

    async def __aexit__(self, *error):
        pass

    def __iter__(self):
        return iter([1, 2])

    async def __anext__(self):
        return await Pause()

    def __call__(self, *arguments, **named):
        return self

    def __add__(self, other):
        return self

    def __getitem__(self, other):
        return self

    def __lt__(self, other):
        return True

    async def method(self, first, second):
        return first, await second


class Pause:
    """An await of a pause suspends the coroutine."""

    def __await__(self):
        yield


def started(generator):
    """The generator or coroutine, suspended for the first time."""
    generator.send(None)
    return generator


def steps(function):
    """Decorates a generator or coroutine function: its shape is suspended for the first time."""
    shaped = lambda thing: started(function(thing))
    shaped.__name__ = function.__name__
    shape(shaped)
    return function


@steps
def in_a_list(x):
    return [x, (yield)]


@steps
def in_a_tuple(x):
    return (x, x, (yield), x)


@steps
def in_a_dictionary(x):
    return {x: x, (yield): x}


@steps
def in_text(x):
    return f"{x}{(yield)}"


@steps
def in_a_call(x):
    return x(x, (yield), [x, (yield)])


@steps
def in_a_call_with_names(x):
    return x(x, *[x], first=x, second=(yield))


@steps
def in_a_call_of_a_function(x):
    function = lambda *arguments: x
    return function(x, (yield))


@steps
def in_a_call_of_a_method(x):
    return x.method(x, (yield))


@steps
def in_a_sum(x):
    return x + (yield)


@steps
def in_a_subscript(x):
    x[(yield)] = x


@steps
def in_a_comparison(x):
    return x < (yield) < x


@steps
def in_a_condition(x):
    return x if (yield) else x


@steps
def in_a_return(x):
    try:
        return x
    finally:
        yield


@steps
def in_with(x):
    with x, x as y:
        yield y


@steps
def in_for(x):
    for i in x:
        yield [x, i, (yield)]


@steps
def in_for_of_a_list(x):
    for i in [x, x]:
        yield [i, (yield)]


@steps
def in_try(x):
    try:
        raise KeyError(x)
    except KeyError as error:
        try:
            yield [x, error, (yield)]
        finally:
            x = None


@steps
def in_yield_from(x):
    yield from [x, (yield from in_a_list(x))]


@steps
async def in_an_asynchronous_comprehension(x):
    return [[x, i] async for i in x]


@steps
def in_a_closure(x):
    inner = lambda: x
    return [inner, inner(), x, (yield)]


@steps
def with_a_deleted_variable(x):
    y = x
    pair = [y, x]
    del y
    return (pair, x, (yield))


@steps
async def in_await(x):
    return [x, await Pause()]


@steps
async def in_await_of_a_coroutine(x):
    return x(x, await x.method(x, Pause()))


@steps
async def in_async_for(x):
    async for i in x:
        return x, i


@steps
async def in_async_with(x):
    async with x:
        return x


@steps
async def in_async_with_once_entered(x):
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(x)
        return [x, await Pause()]


async def asynchronous(x):
    yield [x, await Pause(), (yield x)]


@shape
def in_an_asynchronous_generator(x):
    generator = asynchronous(x)
    first = started(generator.__anext__())
    return generator, first


@shape
def in_an_asynchronous_generator_that_has_yielded(x):
    async def own(x):
        yield [x, (yield x)]

    generator = own(x)
    try:
        generator.__anext__().send(None)
    except StopIteration:
        pass
    return generator


@steps
async def in_a_generator_that_is_awaited(x):
    async for i in asynchronous(x):
        return x, i


@shape
def in_an_expression(x):
    return started([x, i] for i in x)


@shape
def not_started(x):
    return in_a_list(x)


@shape
def exhausted(x):
    return [list(generator := started(in_a_list(x))), generator]


@shape
def closed(x):
    generator = started(in_a_call(x))
    generator.close()
    return generator


@shape
def thrown_into(x):
    def own(x):
        try:
            yield [x, (yield)]
        except KeyError as error:
            yield [x, error, (yield)]

    generator = started(own(x))
    generator.throw(KeyError(x))
    return generator


@shape
def nested(x):
    def own(x, inner):
        return [x, inner, (yield)]

    generator = started(in_a_call(x))
    for _ in range(5):
        generator = started(own(x, generator))
    return generator


@shape
def nested_by_yield_from(x):
    def own(x, depth):
        return [x, (yield from own(x, depth - 1) if depth else in_a_list(x))]

    return started(own(x, 5))


@contextlib.contextmanager
def manager(x):
    with x:
        for i in x:
            yield [x, i, (yield)]


@shape
def a_context_manager(x):
    entered = manager(x)
    entered.__enter__()
    return entered


@shape
def an_exit_stack(x):
    stack = contextlib.ExitStack()
    stack.enter_context(x)
    stack.enter_context(manager(x))
    stack.callback(x, x, named=x)
    return stack


@shape
def the_frame_of_a_generator(x):
    generator = started(in_a_call(x))
    return [generator, generator.gi_frame]


@shape
def the_frame_of_a_generator_that_is_gone(x):
    return started(in_a_call(x)).gi_frame


@shape
def the_frame_of_a_generator_not_started(x):
    return in_a_call(x).gi_frame


@shape
def the_frame_of_a_coroutine(x):
    return started(in_await(x)).cr_frame


@shape
def a_frame_that_has_run(x):
    return [x, x][0](x, sys._getframe())


@shape
def a_frame_that_has_run_alone(x):
    return [sys._getframe() for _ in [x]]


@shape
def a_traceback(x):
    def own(x):
        return x(x, [x, x.nothing])

    try:
        own(x)
    except AttributeError as error:
        return error.__traceback__


@shape
def an_exception_out_of_a_generator(x):
    def own(x):
        for i in x:
            yield [x, i, x.nothing]

    try:
        list(own(x))
    except AttributeError as error:
        return error


@shape
def local_variables(x):
    generator = started(in_a_call(x))
    return [generator, generator.gi_frame.f_locals]
