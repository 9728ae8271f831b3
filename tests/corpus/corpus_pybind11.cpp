// Mistakes that pybind11 allows: between its objects, which count references, and C's pointers, which do not.
#include <pybind11/pybind11.h>

namespace py = pybind11;

// reinterpret_borrow takes a second reference, so the new one of the C function leaks.
static py::object half_wrong(double number)
{
    return py::reinterpret_borrow<py::object>(PyFloat_FromDouble(number / 2));
}

static py::object half_right(double number)
{
    return py::reinterpret_steal<py::object>(PyFloat_FromDouble(number / 2));
}

// PyList_GetItem returns a borrowed reference, which must not be stolen.
static py::object head_wrong(py::list items)
{
    return py::reinterpret_steal<py::object>(PyList_GetItem(items.ptr(), 0));
}

static py::object head_right(py::list items)
{
    return py::reinterpret_borrow<py::object>(PyList_GetItem(items.ptr(), 0));
}

// release() gives the reference to the caller, and PyList_Append does not steal it.
static py::list listed_wrong(py::object thing)
{
    py::list result;
    PyList_Append(result.ptr(), py::str(py::repr(thing)).release().ptr());
    return result;
}

static py::list listed_right(py::object thing)
{
    py::list result;
    PyList_Append(result.ptr(), py::str(py::repr(thing)).ptr());
    return result;
}

// A raw pointer in a C++ object is not released by its destructor.
struct ListenerWrong {
    explicit ListenerWrong(py::object callback) : callback(callback.inc_ref().ptr()) {}
    PyObject *callback;
};

struct ListenerRight {
    explicit ListenerRight(py::object callback) : callback(std::move(callback)) {}
    py::object callback;
};

// Releases a reference that the caller owns.
static bool finish_wrong(py::handle thing)
{
    thing.dec_ref();
    return true;
}

static bool finish_right(py::handle)
{
    return true;
}

// The attribute is a new reference, and a handle owns none.
static bool has_close_wrong(py::object thing)
{
    py::handle close = PyObject_GetAttrString(thing.ptr(), "close");
    return bool(close);
}

static bool has_close_right(py::object thing)
{
    return py::hasattr(thing, "close");
}

PYBIND11_MODULE(corpus_pybind11, module)
{
    module.def("half_wrong", half_wrong);
    module.def("half_right", half_right);
    module.def("head_wrong", head_wrong);
    module.def("head_right", head_right);
    module.def("listed_wrong", listed_wrong);
    module.def("listed_right", listed_right);
    module.def("finish_wrong", finish_wrong);
    module.def("finish_right", finish_right);
    module.def("has_close_wrong", has_close_wrong);
    module.def("has_close_right", has_close_right);
    py::class_<ListenerWrong>(module, "Listener_wrong").def(py::init<py::object>());
    py::class_<ListenerRight>(module, "Listener_right").def(py::init<py::object>());
}
