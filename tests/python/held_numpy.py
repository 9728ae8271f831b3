"""Arrays and other objects of numpy, each of which holds a given object. Without numpy there are none."""

try:
    import numpy
except ImportError:
    numpy = None

# By name: a function that makes such an object around its argument.
SHAPES = {}


def shape(function):
    SHAPES[function.__name__] = function
    return function


if numpy is not None:
    STRUCTURED = numpy.dtype([("number", "i1"), ("object", "O"), ("more", "f8")])
    NESTED = numpy.dtype([("one", STRUCTURED), ("several", [("first", "O"), ("rest", STRUCTURED, (2, 3))])])
    TITLED = numpy.dtype([(("a title", "object"), "O")])

    @shape
    def array(x):
        return numpy.array([x, None, 1, x, x], dtype=object)

    @shape
    def array_of_two_dimensions(x):
        return numpy.array([[x, None], [x, x]], dtype=object)

    @shape
    def array_in_columns(x):
        made = numpy.empty((3, 2), dtype=object, order="F")
        made[1, 1] = made[2, 0] = x
        return made

    @shape
    def array_without_dimensions(x):
        made = numpy.empty((), dtype=object)
        made[()] = x
        return made

    @shape
    def array_without_items(x):
        return [numpy.empty((0, 3), dtype=object), x]

    @shape
    def array_in_itself(x):
        made = numpy.empty(2, dtype=object)
        made[0] = [numpy.array([x], dtype=object)]
        return made

    @shape
    def view(x):
        return numpy.array([x, x, x, x], dtype=object)[::-2]

    @shape
    def view_of_a_view(x):
        return numpy.array([[x, x], [x, 1]], dtype=object).T[1:].reshape(-1)[::-1]

    @shape
    def broadcast_view(x):
        return numpy.broadcast_to(numpy.array([x], dtype=object), (1000, 1000))

    @shape
    def copy(x):
        return view(x).copy()

    @shape
    def array_of_a_class(x):
        made = numpy.array([x, x], dtype=object).view(Array)
        made.attribute = x
        return [made, made.copy()]

    class Array(numpy.ndarray):
        attribute = None

    class SlottedArray(numpy.ndarray):
        __slots__ = ("one", "two")

    @shape
    def array_with_slots(x):
        made = SlottedArray((2,), dtype=object)
        made[0] = made.one = made.two = x
        return made

    @shape
    def structured(x):
        return numpy.array([(1, x, 2.0), (3, x, 4.0)], dtype=STRUCTURED)

    @shape
    def structured_and_strided(x):
        return structured(x)[::-1]["object"]

    @shape
    def structured_and_aligned(x):
        dtype = numpy.dtype([("number", "i1"), ("object", "O")], align=True)
        return numpy.array([(1, x), (3, x)], dtype=dtype)

    @shape
    def structured_far_apart(x):
        dtype = numpy.dtype({"names": ["far", "near"], "formats": ["O", "O"], "offsets": [70008, 16], "itemsize": 70020})
        made = numpy.zeros(3, dtype=dtype)
        made["far"] = made["near"] = x
        return made

    @shape
    def nested(x):
        made = numpy.zeros((2, 2), dtype=NESTED)
        made["one"]["object"] = made["several"]["first"] = x
        made["several"]["rest"]["object"][0, 1, 1, 2] = x
        return made

    @shape
    def subarray(x):
        made = numpy.zeros(3, dtype=numpy.dtype([("objects", "O", (2, 2))]))
        made["objects"][1, 1, 0] = x
        return made

    @shape
    def with_a_title(x):
        return numpy.array([(x,)], dtype=TITLED)

    @shape
    def record_array(x):
        return numpy.rec.array([(1, x, 2.0)], dtype=STRUCTURED)

    @shape
    def masked_array(x):
        return numpy.ma.array([x, x], mask=[True, False], dtype=object)

    @shape
    def scalar(x):
        return structured(x)[1]

    @shape
    def scalar_of_its_own(x):
        return numpy.void((1, x, 2.0), dtype=STRUCTURED) if numpy.__version__ >= "1.24" else scalar(x)

    @shape
    def record(x):
        return record_array(x)[0]

    @shape
    def flat_iterator(x):
        return array_of_two_dimensions(x).flat

    @shape
    def broadcast(x):
        return numpy.broadcast(array(x), numpy.arange(5), numpy.array([[x]], dtype=object))

    @shape
    def buffer(x):
        return [memoryview(numpy.frombuffer(bytearray(16))), numpy.frombuffer(bytearray(16)), x]

    @shape
    def result_of_a_function(x):
        return numpy.where([True, False], array(x)[:2], None)

    @shape
    def resized(x):
        made = numpy.array([x, x], dtype=object)
        made.resize(100, refcheck=False)
        return made
