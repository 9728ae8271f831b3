// Mistakes that pybind11 lets one make: at the border between its handles, which count, and C's pointers, which don't.
#include <pybind11/pybind11.h>

namespace py = pybind11;

// The reference that C gave is still there when the object has taken its own.
static py::object half_wrong(double number)
{
    return py::reinterpret_borrow<py::object>(PyFloat_FromDouble(number / 2));
}

static py::object half_right(double number)
{
    return py::reinterpret_steal<py::object>(PyFloat_FromDouble(number / 2));
}

// PyList_GetItem only lends, and nothing may be stolen from it.
static py::object head_wrong(py::list items)
{
    return py::reinterpret_steal<py::object>(PyList_GetItem(items.ptr(), 0));
}

static py::object head_right(py::list items)
{
    return py::reinterpret_borrow<py::object>(PyList_GetItem(items.ptr(), 0));
}

// release() hands the reference out; PyList_Append doesn't take it.
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

// A pointer kept in a C++ object, counted by hand, has no destructor of its own.
struct ListenerWrong {
    explicit ListenerWrong(py::object callback) : callback(callback.inc_ref().ptr()) {}
    PyObject *callback;
};

struct ListenerRight {
    explicit ListenerRight(py::object callback) : callback(std::move(callback)) {}
    py::object callback;
};

// The caller's object is not this function's to release.
static bool finish_wrong(py::handle thing)
{
    thing.dec_ref();
    return true;
}

static bool finish_right(py::handle)
{
    return true;
}

// The attribute is a new reference, and a handle doesn't own what it points to.
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
