/* Counting as a caller sees it: NULL, identity, single evaluation, and immortal objects. */
#include "testing.h"
#include "things.h"

/* All bits of the count. Free-threaded: the owner's word in the upper half; the low bits say whether the owner's id and
 * the shared word are set. */
static uint64_t image(PyObject *op)
{
#ifdef Py_GIL_DISABLED
    return (uint64_t)op->ob_ref_local << 32 | (op->ob_tid != 0) | (op->ob_ref_shared != 0) << 1;
#else
    uint64_t word;
    memcpy(&word, (char *)op + offsetof(PyObject, ob_refcnt), sizeof word);
    return word;
#endif
}

static void null_is_tolerated(void)
{
    PyObject *none = NULL;
    Py_IncRef(NULL);
    Py_DecRef(NULL);
    Py_XINCREF(none);
    Py_XDECREF(none);
    CHECK(Py_XNewRef(none) == NULL);
    Py_CLEAR(none);
#if PY_VERSION_HEX >= 0x030A0000
    CHECK((Py_XNewRef)(NULL) == NULL);
#endif
}

static void identity(void)
{
    PyObject *a = (PyObject *)new_thing(1), *b = (PyObject *)new_thing(1);
    CHECK(Py_Is(a, a) && !Py_Is(a, b) && Py_IS_TYPE(a, &Thing_Type) && !Py_IS_TYPE(a, &Box_Type));
    CHECK(Py_TYPE(a) == &Thing_Type && Py_REFCNT(a) == 1);
#if PY_VERSION_HEX >= 0x030A0000
    CHECK((Py_Is)(a, a) == 1 && (Py_Is)(a, b) == 0);
#endif
#if PY_VERSION_HEX >= 0x030E0000
    CHECK((Py_TYPE)(a) == &Thing_Type && (Py_REFCNT)(a) == 1);
    CHECK(PyUnstable_Object_IsUniquelyReferenced(a) == 1);
    Py_INCREF(a);
    CHECK((Py_REFCNT)(a) == 2 && PyUnstable_Object_IsUniquelyReferenced(a) == 0);
    Py_DECREF(a);
#endif
#if PY_VERSION_HEX >= 0x030F0000
    CHECK((Py_IS_TYPE)(a, &Thing_Type) == 1 && (Py_IS_TYPE)(a, &Box_Type) == 0);
    (Py_SET_SIZE)((PyVarObject *)&Thing_Type, 5);
    CHECK((Py_SIZE)((PyObject *)&Thing_Type) == 5);
    Py_SET_SIZE(&Thing_Type, 0);
#endif
    Py_SET_TYPE(a, &Box_Type);
    CHECK(Py_TYPE(a) == &Box_Type && Py_REFCNT(&Box_Type) == Py_REFCNT(&Thing_Type));
    Py_SET_TYPE(a, &Thing_Type);
    Py_DECREF(a);
    Py_DECREF(b);
}

/* Each macro evaluates its argument once. */
static void evaluated_once(void)
{
    PyObject *op = (PyObject *)new_thing(1), *ops[] = { op, NULL, NULL }, **next = ops;
    Py_INCREF(*next++);
    CHECK(next == ops + 1 && Py_REFCNT(op) == 2);
    next = ops;
    Py_XINCREF(*next++);
    CHECK(next == ops + 1);
    next = ops;
    CHECK(Py_NewRef(*next++) == op && next == ops + 1 && Py_REFCNT(op) == 4);
    next = ops;
    Py_DECREF(*next++);
    CHECK(next == ops + 1);
    next = ops;
    Py_XDECREF(*next++);
    CHECK(next == ops + 1 && Py_REFCNT(op) == 2);
    next = ops;
    Py_SET_REFCNT(*next++, 1);
    CHECK(next == ops + 1 && Py_REFCNT(op) == 1);
    Py_DECREF(op);
}

static void static_heads(void)
{
#ifdef Py_GIL_DISABLED
    const uint64_t expected = 0xFFFFFFFF00000000;
#else
    const uint64_t expected = PY_VERSION_HEX >= 0x030E0000 ? 0x50000C0000000
                              : PY_VERSION_HEX >= 0x030D0000 ? 0xFFFFFFFF : 1;
#endif
    static PyTypeObject untouched = { PyVarObject_HEAD_INIT(&Thing_Type, 3).tp_name = "untouched" };
    EQUAL(image((PyObject *)&untouched), expected);
    CHECK(Py_TYPE(&untouched) == &Thing_Type && Py_SIZE(&untouched) == 3);
#if PY_VERSION_HEX >= 0x030D0000
    for (int i = 0; i < 1000000; i++) {
        Py_DecRef((PyObject *)&untouched);
        Py_DECREF(&untouched);
        Py_INCREF(&untouched);
    }
    EQUAL(image((PyObject *)&untouched), expected);
    CHECK(_Py_IsImmortal(&untouched));
#endif
#if PY_VERSION_HEX >= 0x030E0000
    CHECK(_Py_IsStaticImmortal(&untouched) && PyUnstable_IsImmortal((PyObject *)&untouched) == 1);
#endif
}

#if PY_VERSION_HEX >= 0x030E0000
static void immortalised(void)
{
    Box *box = new_box(NULL);
    PyObject *thing = (PyObject *)new_thing(1);
    CHECK(PyUnstable_IsImmortal(thing) == 0);
    _Py_SetImmortal((PyObject *)box);
    _Py_SetImmortalUntracked(thing);
#ifdef Py_GIL_DISABLED
    const uint64_t made = 0xFFFFFFFF00000000, still = 0xFFFFFFFF00000000;
    CHECK(box->ob_base.ob_gc_bits == 64 && thing->ob_gc_bits == 64);
#else
    const uint64_t made = 0xC0000000 | 1ULL << 48, still = 0x50000C0000000;
#endif
    EQUAL(image((PyObject *)box), made);
    EQUAL(image(thing), made);
    CHECK(!PyObject_GC_IsTracked((PyObject *)box) && PyUnstable_IsImmortal(thing) == 1);
    Py_DECREF(thing);
    _Py_SetImmortalUntracked((PyObject *)&Thing_Type);
    EQUAL(image((PyObject *)&Thing_Type), still);
}
#endif

int main(void)
{
    RUN(null_is_tolerated);
    RUN(identity);
    RUN(evaluated_once);
    RUN(static_heads);
#if PY_VERSION_HEX >= 0x030E0000
    RUN(immortalised);
#endif
    return summary();
}
