/* The operations that behave.c runs: every macro and inline function of pyrefcore.h once, on `thing` or `place`. */

/* Sets the line that a report of a negative count must name. */
#define HERE here = __LINE__

static PyObject **counted_place(void) { return evaluations++, &place; }

/* ---- Counting ---- */

static void incref(void) { Py_INCREF(ONCE(thing)); }
static void xincref(void) { Py_XINCREF(ONCE(thing)); }
static void decref(void) { HERE; Py_DECREF(ONCE(thing)); }
static void xdecref(void) { HERE; Py_XDECREF(ONCE(thing)); }
#if PY_MINOR_VERSION < 11
/* The functions behind the macros. */
#if PY_MINOR_VERSION == 8 || defined(Py_REF_DEBUG)
#define PLACE_OF_CALL __FILE__, __LINE__,
#else
#define PLACE_OF_CALL
#endif
static void inner_incref(void) { _Py_INCREF((PyObject *)ONCE(thing)); }
static void inner_xincref(void) { _Py_XINCREF((PyObject *)ONCE(thing)); }
static void inner_decref(void) { HERE; _Py_DECREF(PLACE_OF_CALL (PyObject *)ONCE(thing)); }
static void inner_xdecref(void) { HERE; _Py_XDECREF((PyObject *)ONCE(thing)); }
#endif
#if PY_MINOR_VERSION == 8
static void inner_total(void)
{
    evaluations = 1;
    _Py_INC_REFTOTAL;
    _Py_INC_REFTOTAL;
    _Py_INC_TPALLOCS(thing) _Py_COUNT_ALLOCS_COMMA;
    note(" then");
    _Py_DEC_REFTOTAL;
    _Py_INC_TPFREES(thing);
    _Py_DEC_TPFREES(thing);
}
#endif
static void xincref_null(void) { Py_XINCREF((Thing *)ONCE(NULL)); }
static void xdecref_null(void) { Py_XDECREF((Thing *)ONCE(NULL)); }
static void twice(void) { HERE; evaluations = 1; Py_INCREF(thing); Py_INCREF(thing); Py_DECREF(thing); }
#if PY_MINOR_VERSION >= 10
static void new_ref(void) { RESULT("%s", pointer(Py_NewRef(ONCE(thing)))); }
static void xnew_ref(void) { RESULT("%s", pointer(Py_XNewRef(ONCE(thing)))); }
static void xnew_ref_null(void) { RESULT("%s", pointer(Py_XNewRef((Thing *)ONCE(NULL)))); }
static void is(void) { RESULT("%d %d", Py_Is((PyObject *)ONCE(thing), place), Py_Is(place, NULL)); }
#endif

/* ---- Replacing a reference ---- */

static void clear(void) { HERE; Py_CLEAR(*counted_place()); }
static void clear_null(void) { HERE; place = NULL; Py_CLEAR(*counted_place()); }
static void clear_thing(void) { HERE; Thing *mine = ONCE(thing); Py_CLEAR(mine); RESULT("%s", pointer(mine)); }
static void setref(void) { HERE; Py_SETREF(*counted_place(), NULL); }
static void setref_type(void) { HERE; Py_SETREF(*counted_place(), (PyObject *)&second_type); }
static void xsetref(void) { HERE; Py_XSETREF(*counted_place(), (PyObject *)&second_type); }
static void xsetref_null(void) { HERE; place = NULL; Py_XSETREF(*counted_place(), (PyObject *)thing); }

/* ---- Fields ---- */

static void refcnt(void) { RESULT("%llX", (unsigned long long)Py_REFCNT(ONCE(thing))); }
static void type(void) { RESULT("%s", pointer(Py_TYPE(ONCE(thing)))); }
static void size(void) { RESULT("%lld", (long long)Py_SIZE(ONCE(thing))); }
#if PY_MINOR_VERSION < 10
static void assign_refcnt(void) { Py_REFCNT(ONCE(thing)) = (Py_ssize_t)argument; }
#endif
#if PY_MINOR_VERSION < 11
static void assign_type(void) { Py_TYPE(ONCE(thing)) = &second_type; }
static void assign_size(void) { Py_SIZE(ONCE(thing)) = (Py_ssize_t)argument; }
#endif
#if PY_MINOR_VERSION >= 9
static void set_refcnt(void)
{
    note(" %llX", (unsigned long long)argument);
    Py_SET_REFCNT(ONCE(thing), (Py_ssize_t)argument);
}
static void set_type(void) { Py_SET_TYPE(ONCE(thing), &second_type); }
static void set_size(void) { Py_SET_SIZE(ONCE(thing), (Py_ssize_t)argument); }
static void is_type(void) { RESULT("%d %d", Py_IS_TYPE(ONCE(thing), &first_type), Py_IS_TYPE(thing, &second_type)); }
#endif

/* ---- Immortality and ownership ---- */

#if PY_MINOR_VERSION >= 12
static void is_immortal(void) { RESULT("%d", !!_Py_IsImmortal(ONCE(thing))); }
#endif
#if PY_MINOR_VERSION >= 14
static void is_static_immortal(void) { RESULT("%d", !!_Py_IsStaticImmortal(ONCE(thing))); }
#endif
#ifdef Py_GIL_DISABLED
static void thread_id(void) { RESULT("%s", named(ONCE(_Py_ThreadId()))); }
static void is_owned(void) { RESULT("%d", !!_Py_IsOwnedByCurrentThread((PyObject *)ONCE(thing))); }
#endif

/* ---- Visiting ---- */

static int told_visit(PyObject *op, void *arg) { return note(" visit(%s)", pointer(op)), *(int *)arg; }
static int traverse(Thing *op, visitproc visit, void *arg)
{
    Py_VISIT(op->item);
    note(" went on");
    Py_VISIT(op);
    return 0;
}
static void visit_with(PyObject *item, int answer)
{
    evaluations = 1;
    thing->item = item;
    RESULT("%d", traverse(thing, told_visit, &answer));
}
static void visit_null(void) { visit_with(NULL, 0); }
static void visit_on(void) { visit_with((PyObject *)thing, 0); }
static void visit_stop(void) { visit_with((PyObject *)thing, 5); }

/* ---- Birth and memory ---- */

static void object_new(void) { RESULT("%s", pointer(PyObject_New(Thing, ONCE(&first_type)))); }
static void object_new_var(void) { RESULT("%s", pointer(PyObject_NewVar(Thing, ONCE(&first_type), 9))); }
static void gc_new(void) { RESULT("%s", pointer(PyObject_GC_New(Thing, ONCE(&first_type)))); }
static void gc_new_var(void) { RESULT("%s", pointer(PyObject_GC_NewVar(Thing, ONCE(&first_type), 9))); }
#if PY_MINOR_VERSION >= 10
/* Up to 3.9 these are inline in CPython, but functions in pyrefcore.h. */
static void object_NEW(void) { RESULT("%s", pointer(PyObject_NEW(Thing, ONCE(&first_type)))); }
static void object_NEW_VAR(void) { RESULT("%s", pointer(PyObject_NEW_VAR(Thing, ONCE(&first_type), 9))); }
static void object_INIT(void) { RESULT("%s", pointer(PyObject_INIT(ONCE(thing), &second_type))); }
static void object_INIT_VAR(void) { RESULT("%s", pointer(PyObject_INIT_VAR(ONCE(thing), &second_type, 9))); }
#endif
static void object_memory(void)
{
    evaluations = 1;
    RESULT("%s", pointer(PyObject_Malloc(24)));
    RESULT("%s", pointer(PyObject_Calloc(2, 24)));
    RESULT("%s", pointer(PyObject_Realloc(thing, 48)));
    PyObject_Free(thing), PyObject_FREE(thing), PyObject_Del(thing), PyObject_DEL(thing);
    freefunc free_as_slot[] = { PyObject_Free, PyObject_Del, PyObject_GC_Del };
    for (int i = 0; i < 3; i++) {
        free_as_slot[i](thing);
    }
}
static void object_gc(void)
{
    evaluations = 1;
    PyObject_GC_Track(thing), PyObject_GC_UnTrack(thing), PyObject_GC_Del(thing);
#if PY_MINOR_VERSION >= 9
    RESULT("%d", PyObject_GC_IsTracked((PyObject *)thing));
#endif
}

/* ---- The trashcan ---- */

static void trashcan_state(int state)
{
    deep = state & 1, pending = state >> 1 & 1, evaluations = 1;
    note(" %s %s", deep ? "deep" : "shallow", pending ? "pending" : "empty");
#if defined(AGAINST_PYTHON_H) && PY_MINOR_VERSION == 8
    thread_state.trash_delete_nesting = deep ? 50 : 0;
    thread_state.trash_delete_later = pending ? place : NULL;
#elif defined(AGAINST_PYTHON_H) && PY_MINOR_VERSION == 13
    thread_state.c_recursion_remaining = deep ? 50 : 1000;
    thread_state.delete_later = pending ? place : NULL;
#endif
}
#define BRACKETED(begin, end) \
    for (int state = 0; state < 4; state++) { \
        trashcan_state(state); \
        begin \
        note(" body"); \
        end \
        note(","); \
    }
static void trashcan_own(void) { BRACKETED(Py_TRASHCAN_BEGIN(thing, dealloc), Py_TRASHCAN_END) }
static void trashcan_base(void) { BRACKETED(Py_TRASHCAN_BEGIN(thing, another_dealloc), Py_TRASHCAN_END) }
#if PY_MINOR_VERSION < 13
static void trashcan_condition(void) { BRACKETED(Py_TRASHCAN_BEGIN_CONDITION(thing, place == NULL), Py_TRASHCAN_END) }
static void trashcan_safe(void) { BRACKETED(Py_TRASHCAN_SAFE_BEGIN(thing), Py_TRASHCAN_SAFE_END(thing)) }
#endif

/* The start words of an operation: listed and random ones, only listed ones, or one fixed word. */
enum starts { ANY, LISTED, FIXED };
static const struct operation { const char *name; enum starts starts; int in_full; void (*run)(void); } operations[] = {
    { "Py_INCREF", ANY, 1, incref }, { "Py_DECREF", ANY, 1, decref }, { "Py_REFCNT", ANY, 0, refcnt },
#if PY_MINOR_VERSION >= 9
    { "Py_SET_REFCNT", ANY, 1, set_refcnt }, { "Py_SET_TYPE", LISTED, 0, set_type },
    { "Py_SET_SIZE", ANY, 0, set_size }, { "Py_IS_TYPE", LISTED, 0, is_type },
#endif
    { "Py_XINCREF", ANY, 0, xincref }, { "Py_XDECREF", ANY, 0, xdecref }, { "several", ANY, 0, twice },
#if PY_MINOR_VERSION < 11
    { "_Py_INCREF", ANY, 0, inner_incref }, { "_Py_XINCREF", ANY, 0, inner_xincref },
    { "_Py_DECREF", ANY, 0, inner_decref }, { "_Py_XDECREF", ANY, 0, inner_xdecref },
#endif
#if PY_MINOR_VERSION == 8
    { "_Py_INC_REFTOTAL", FIXED, 1, inner_total },
#endif
    { "Py_XINCREF(NULL)", FIXED, 1, xincref_null }, { "Py_XDECREF(NULL)", FIXED, 1, xdecref_null },
#if PY_MINOR_VERSION >= 10
    { "Py_NewRef", ANY, 0, new_ref }, { "Py_XNewRef", ANY, 0, xnew_ref }, { "Py_XNewRef(NULL)", FIXED, 1, xnew_ref_null },
    { "Py_Is", LISTED, 0, is }, { "PyObject_NEW", FIXED, 1, object_NEW }, { "PyObject_NEW_VAR", FIXED, 1, object_NEW_VAR },
    { "PyObject_INIT", FIXED, 1, object_INIT }, { "PyObject_INIT_VAR", FIXED, 1, object_INIT_VAR },
#else
    { "Py_REFCNT=", ANY, 0, assign_refcnt },
#endif
#if PY_MINOR_VERSION < 11
    { "Py_TYPE=", LISTED, 0, assign_type }, { "Py_SIZE=", ANY, 0, assign_size },
#endif
    { "Py_CLEAR", ANY, 0, clear }, { "Py_CLEAR(NULL)", FIXED, 1, clear_null }, { "Py_CLEAR(Thing)", ANY, 0, clear_thing },
    { "Py_SETREF(NULL)", ANY, 0, setref }, { "Py_SETREF", ANY, 0, setref_type },
    { "Py_XSETREF", ANY, 0, xsetref }, { "Py_XSETREF(NULL)", FIXED, 1, xsetref_null },
    { "Py_TYPE", LISTED, 0, type }, { "Py_SIZE", LISTED, 0, size },
#if PY_MINOR_VERSION >= 12
    { "_Py_IsImmortal", ANY, 0, is_immortal },
#endif
#if PY_MINOR_VERSION >= 14
    { "_Py_IsStaticImmortal", ANY, 0, is_static_immortal },
#endif
#ifdef Py_GIL_DISABLED
    { "_Py_ThreadId", FIXED, 1, thread_id }, { "_Py_IsOwnedByCurrentThread", ANY, 0, is_owned },
#endif
    { "Py_VISIT(NULL)", FIXED, 1, visit_null }, { "Py_VISIT", FIXED, 1, visit_on }, { "Py_VISIT(stop)", FIXED, 1, visit_stop },
    { "PyObject_New", FIXED, 1, object_new }, { "PyObject_NewVar", FIXED, 1, object_new_var },
    { "PyObject_GC_New", FIXED, 1, gc_new }, { "PyObject_GC_NewVar", FIXED, 1, gc_new_var },
    { "memory", FIXED, 1, object_memory }, { "collector", FIXED, 1, object_gc },
    { "Py_TRASHCAN_BEGIN", FIXED, 1, trashcan_own }, { "Py_TRASHCAN_BEGIN(base)", FIXED, 1, trashcan_base },
#if PY_MINOR_VERSION < 13
    { "Py_TRASHCAN_BEGIN_CONDITION", FIXED, 1, trashcan_condition }, { "Py_TRASHCAN_SAFE_BEGIN", FIXED, 1, trashcan_safe },
#endif
};
