#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/python/sixnet.py, against the library that SIXNET_LIBRARY names. Skips what needs NumPy or PyTorch where they are absent."""

import collections
import contextlib
import copy
import ctypes
import errno
import gc
import inspect
import io
import math
import os
import pathlib
import pickle
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest
import warnings
import weakref
from array import array
from fractions import Fraction

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools/python"))

import sixnet  # noqa: E402

np = sixnet.numpy
try:
    import torch
except ImportError:
    torch = None

needs_numpy = unittest.skipIf(np is None, "NumPy is not there")
needs_torch = unittest.skipIf(torch is None or np is None, "PyTorch is not there")
needs_data = unittest.skipUnless((ROOT / "examples/data/mnist/t10k-images-idx3-ubyte.gz").exists(), "MNIST is not there")

SMALL = "input shape=4\nlinear out_features=8\ntanh\nlinear out_features=3\ncross_entropy"


def some_data(n=64, features=4, classes=3, seed=0):
    draw = random.Random(seed)
    x = [[draw.uniform(-1, 1) for _ in range(features)] for _ in range(n)]
    return x, [max(range(classes), key=row.__getitem__) for row in x]


def run_python(text, **env):
    result = subprocess.run([sys.executable, "-c", text], env={**os.environ, "PYTHONPATH": str(ROOT / "tools/python"), **env},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    return result.returncode, result.stdout, result.stderr


def on_terminal(text, **env):
    """What a program shows on a terminal, as which it has standard error."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:  # a chroot without /dev/pts has none
        raise unittest.SkipTest(f"there is no pseudo-terminal here: {error}") from None
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tools/python"), **env}
    process = subprocess.Popen([sys.executable, "-c", text], env=env, stderr=theirs)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # how a pseudo terminal ends
        while chunk := os.read(ours, 4096):
            seen += chunk
    os.close(ours)
    process.wait()
    return seen


class Table(unittest.TestCase):
    """The table of prototypes against the headers, and the checks that come from it."""

    @classmethod
    def setUpClass(cls):
        text = "".join((ROOT / "include/sixnet" / name).read_text() for name in ("sixnet.h", "layer.h"))
        cls.header = re.sub(r"/\*.*?\*/", "", text, flags=re.S)

    def test_prototypes(self):
        found = re.findall(r"^(?:SIXNET_API\b|typedef\b[^;]*\(\*)[^;]*;", self.header, re.M)
        self.assertGreater(len(found), 80)
        bare = [" ".join(re.sub(r"\bSIXNET_API\b", "", text).split()) for text in found]
        self.assertEqual(sorted(bare), sorted(" ".join(text.split()) + ";" for text in sixnet._PROTOTYPES.split(";")[:-1]))
        self.assertEqual(len(sixnet._signatures()) + len(sixnet._CALLBACKS), len(found))

    def test_types(self):
        signatures = sixnet._signatures()

        def types(name):
            return signatures[name][0], [parameter.type for parameter in signatures[name][1]]

        model, data = sixnet._type("sixnet_model *"), sixnet._type("sixnet_dataset *")
        i32, i64, u64, address, text = ctypes.c_int32, ctypes.c_int64, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_char_p
        self.assertEqual(types("sixnet_model_free"), (None, [model]))
        self.assertEqual(types("sixnet_model_predict"), (i32, [model, address, i64, address]))
        self.assertEqual(types("sixnet_model_memory_needed"), (i32, [model, i64, i32, ctypes.POINTER(u64)]))
        self.assertEqual(types("sixnet_batch_iterator_next")[1][1:], [ctypes.POINTER(address)] * 2 + [ctypes.POINTER(i64)])
        self.assertEqual(types("sixnet_dataset_split")[1], [ctypes.POINTER(data)] * 2 + [data, text])
        self.assertEqual(types("sixnet_model_add_multi"), (i32, [model, text, ctypes.POINTER(i32), i32]))
        self.assertEqual(types("sixnet_tensor_data")[0], address)
        self.assertEqual(types("sixnet_model_summary")[0], text)
        self.assertEqual(types("sixnet_optimizer_set_learning_rate")[1][1], ctypes.c_double)
        self.assertEqual(sixnet._CALLBACKS["sixnet_read_fn"]._argtypes_, (address, address, u64))
        self.assertIsNot(model, data)

    def test_every_number_and_every_handle_is_checked(self):
        """Of every function, by arguments that are all right but one; none of the calls reaches the library."""
        limits = {ctypes.c_int32: (-2**31, 2**31 - 1), ctypes.c_int64: (-2**63, 2**63 - 1), ctypes.c_uint64: (0, 2**64 - 1)}
        wrong = {kind: (low - 1, high + 1, 2**70, 1.5, "1", None) for kind, (low, high) in limits.items()}
        wrong[ctypes.c_double] = ("0.1", None, 10**400, 1j)
        checked = 0
        for name, (_, parameters) in sixnet._signatures().items():
            reached = []
            function = sixnet._Function(name, lambda *args: reached.append(args), None, parameters)
            right = [0 if kind in wrong else None for _, kind in parameters]
            function(*right)
            self.assertEqual(len(reached), 1)
            for i, (argument, kind) in enumerate(parameters):
                bad = wrong.get(kind, ())
                if issubclass(kind, sixnet._Pointer):
                    bad = (5, "text", ctypes.c_void_p(5), sixnet._type("sixnet_of_another *")(5))
                for value in bad:
                    with self.subTest(name, argument=argument, value=value), self.assertRaisesRegex((TypeError, ValueError), f"^{argument}: "):
                        function(*right[:i], value, *right[i + 1:])
                checked += len(bad)
            with self.assertRaises(TypeError):
                function(*right, 0)
            self.assertEqual(len(reached), 1, name)
        self.assertGreater(checked, 500)

    def test_wrong_arguments(self):
        net, context, data = sixnet.Model(SMALL), sixnet.Context(), sixnet.Dataset([[1.0], [2.0]])
        optimizer, function = sixnet.Optimizer(net, "sgd lr=0.1"), sixnet.Dataset.from_function
        for call in (lambda: sixnet.Batches(context), lambda: sixnet.Batches("data"), lambda: sixnet.Model(SMALL, data),
                     lambda: sixnet.Model(SMALL, "threads=2"), lambda: sixnet.Model(context=net), lambda: sixnet.Predictor(optimizer),
                     lambda: sixnet.Optimizer(data, "sgd lr=1"), lambda: optimizer.save_checkpoint("x", data), lambda: sixnet.Model(b"input"),
                     lambda: sixnet.Dataset([[1.0]], context=net), lambda: sixnet.Dataset.from_idx("x", context=net), lambda: net.find(3),
                     lambda: function(lambda i: 0, 1, (1,), context=optimizer), lambda: net.fit(data, optimizer=data), lambda: net.retain(1.5),
                     lambda: net.add("relu", None), lambda: setattr(optimizer, "lr", "0.1"), lambda: net.reset(None), lambda: net.add(5)):
            self.assertRaises(TypeError, call)
        for call in (lambda: net.reset(-1), lambda: net.reset(2**64), lambda: net.retain(2**32), lambda: net.profile_get(2**32, "seconds"),
                     lambda: net.node_values(2**32), lambda: net.memory_needed(2**64 + 4), lambda: function(lambda i: 0, 2**64 + 4, (1,)),
                     lambda: sixnet.Model().add("input shape=1", 2**32 - 1), lambda: sixnet.Context(seed=-1), lambda: setattr(optimizer, "lr", 10**400)):
            self.assertRaises(ValueError, call)
        for name in (5, None, "a\0", "\ud800", ()):
            self.assertNotIn(name, net)
        x, t = some_data()
        for call in (lambda: net.fit(x, t, progress=5), lambda: net.fit(x, t, validation=5), lambda: net.fit(x, t, validation=(x, t, t)),
                     lambda: sixnet.Context(log=5), lambda: context.register_layer("layer", 5), lambda: context.register_layer("layer", len, setup=5),
                     lambda: function(5, 1, (1,)), lambda: net.load_state_dict([1]), lambda: net.predict(x, out="text")):
            self.assertRaisesRegex(TypeError, ", got ", call)
        for call in (lambda: net.node_values(dtype="f16"), lambda: net.gradient("linear1.bias", dtype="int")):
            self.assertRaisesRegex(sixnet.InvalidArgumentError, "dtype", call)
        self.assertRaisesRegex(KeyError, "unknown: 5", net.load_state_dict, {5: 1})

    def test_a_layer_s_numbers(self):
        for wrong, error in (((2**64 + 1,), ValueError), ((1.5,), TypeError), (3, TypeError)):
            context = sixnet.Context()
            context.register_layer("wide", lambda call, x: x, setup=lambda s: wrong)
            context.register_layer("tall", lambda call, x, w: x, setup=lambda s: s.parameter("w", wrong))
            for name in ("wide", "tall"):
                self.assertRaises(error, sixnet.Model, f"input shape=2\n{name}", context)

    def test_statuses(self):
        numbers = dict(re.findall(r"#define SIXNET_(\w+) (-?\d+)", self.header))
        for name, number in numbers.items():
            if int(number) < 0 and name != "NONE":
                kind = sixnet._ERRORS[int(number)].__name__.upper()
                self.assertTrue(name.replace("_", "") + "ERROR" == kind or name == "IO_ERROR", (name, kind))

    def test_documented(self):
        for name in sixnet.__all__:
            thing = getattr(sixnet, name)
            if not inspect.isclass(thing) and not inspect.isfunction(thing):
                continue
            self.assertTrue(thing.__doc__, name)
            for key, member in vars(thing).items() if inspect.isclass(thing) else ():
                if not key.startswith("_") and inspect.isfunction(member) and thing.__module__ == "sixnet":
                    self.assertTrue(member.__annotations__.get("return"), f"{name}.{key}")
                    self.assertTrue(member.__doc__, f"{name}.{key}")


class Loading(unittest.TestCase):
    def test_version_and_path(self):
        self.assertRegex(sixnet.version, r"^\d+\.\d+\.\d+$")
        self.assertEqual(sixnet.__version__, sixnet.version)
        self.assertTrue(os.path.exists(sixnet.library_path), sixnet.library_path)

    def test_a_wrong_path_is_named(self):
        status, _, error = run_python("import sixnet", SIXNET_LIBRARY="/no/such/library.so")
        self.assertTrue(status)
        self.assertIn("/no/such/library.so", error)

    def test_a_library_that_is_another(self):
        _, _, error = run_python("import sixnet", SIXNET_LIBRARY="libc.so.6")
        self.assertIn("ImportError: libsixnet was not found", error)

    def places(self, folder):
        """A folder that has a copy of sixnet.py and of the library beside it, and one that has the library alone."""
        package, system = folder / "package", folder / "system"
        for place in (package, system):
            place.mkdir()
            shutil.copy(sixnet.library_path, place / "libsixnet.so.1")
        shutil.copy(ROOT / "tools/python/sixnet.py", package)
        return package, system

    @unittest.skipUnless(sys.platform == "linux", "other systems have other names")
    def test_order(self):
        with tempfile.TemporaryDirectory() as name:
            package, system = self.places(pathlib.Path(name))
            where = {"PYTHONPATH": str(package), "LD_LIBRARY_PATH": str(system)}
            ask = "import sixnet; print(sixnet.library_path)"
            given, beside, by_name = sixnet.library_path, str(package / "libsixnet.so.1"), str(system / "libsixnet.so.1")
            self.assertEqual(run_python(ask, SIXNET_LIBRARY=given, **where), (0, given + "\n", ""))
            self.assertEqual(run_python(ask, SIXNET_LIBRARY="", **where), (0, beside + "\n", ""))
            os.remove(beside)
            self.assertEqual(run_python(ask, SIXNET_LIBRARY="", **where), (0, by_name + "\n", ""))
            os.rename(by_name, system / "libsixnet-elsewhere.so")
            last = "import ctypes.util; ctypes.util.find_library = lambda name: 'libsixnet-elsewhere.so' if name == 'sixnet' else None; " + ask
            self.assertEqual(run_python(last, SIXNET_LIBRARY="", **where), (0, str(system / "libsixnet-elsewhere.so") + "\n", ""))

    def test_all_places_are_named(self):
        environment = {"SIXNET_LIBRARY": "", "LD_LIBRARY_PATH": ""}
        status, _, error = run_python("import sixnet", **environment)
        if status:
            for place in (str(ROOT / "tools/python"), "libsixnet.so.1:", "find_library"):
                self.assertIn(place, error)

    def test_a_library_that_lacks_a_function(self):
        signatures = sixnet._signatures
        sixnet._signatures = lambda: {**signatures(), "sixnet_of_tomorrow": (None, [])}
        try:
            with self.assertRaisesRegex(ImportError, f"{re.escape(sixnet.library_path)} is libsixnet .* has no sixnet_of_tomorrow"):
                sixnet._bind(ctypes.CDLL(sixnet.library_path), sixnet.library_path)
        finally:
            sixnet._signatures = signatures

    def test_version_check(self):
        written_for = sixnet._WRITTEN_FOR
        try:
            for version in (written_for[0] + 1, 0), (written_for[0], 999):
                sixnet._WRITTEN_FOR = version
                with self.assertRaisesRegex(ImportError, f"{version[0]}.{version[1]} .*{re.escape(sixnet.library_path)} is {sixnet.version}"):
                    sixnet._bind(ctypes.CDLL(sixnet.library_path), sixnet.library_path)
        finally:
            sixnet._WRITTEN_FOR = written_for


class Errors(unittest.TestCase):
    def test_classes(self):
        for text, kind in (("conv3d", ValueError), ("input shape=3\nlinear", sixnet.BadSpecError),
                           ("input shape=3\nconv2d out_channels=1 kernel_size=3", sixnet.BadShapeError)):
            with self.assertRaises(kind) as caught:
                sixnet.Model(text)
            self.assertIsInstance(caught.exception, sixnet.SixnetError)
            self.assertIn("line", str(caught.exception))

    def test_message_and_status(self):
        with self.assertRaises(sixnet.BadSpecError) as caught:
            sixnet.Context("thread=2")
        self.assertEqual(caught.exception.status, -3)
        self.assertIn("did you mean 'threads'", caught.exception.message)

    def test_missing_tensor_is_a_key_error(self):
        net = sixnet.Model(SMALL)
        with self.assertRaises(KeyError) as caught:
            net["linear9.weight"]
        self.assertEqual(str(caught.exception), "there is no tensor 'linear9.weight'")
        self.assertNotIn("linear9.weight", net)
        self.assertIsNone(net.get("linear9.weight"))

    def test_files_that_cannot_be_opened(self):
        net = sixnet.Model(SMALL)
        optimizer, folder = sixnet.Optimizer(net, "sgd lr=0.1"), tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        (pathlib.Path(folder) / "file").write_bytes(b"x")
        missing, below = f"{folder}/none: at all", f"{folder}/file/below"
        calls = [lambda path: sixnet.Dataset.from_idx(path), lambda path: sixnet.Model.load(path), net.load_weights, optimizer.load_checkpoint,
                 lambda path: net.fit(*some_data(), resume=path), lambda path: net.save(f"{path}/x"), lambda path: optimizer.save_checkpoint(f"{path}/x")]
        for call in calls:
            for path, kind, number in ((missing, FileNotFoundError, errno.ENOENT), (below, NotADirectoryError, errno.ENOTDIR)):
                with self.assertRaises(kind) as caught:
                    call(path)
                error = caught.exception
                self.assertIsInstance(error, sixnet.FileAccessError)
                self.assertEqual((error.errno, error.strerror, error.status), (number, os.strerror(number), -6))
                self.assertIn(error.filename, (path, f"{path}/x"))
                self.assertEqual(str(error), error.message)
                twin = pickle.loads(pickle.dumps(error))
                self.assertEqual((type(twin), twin.errno, twin.filename, str(twin)), (type(error), number, error.filename, str(error)))
        with self.assertRaises(sixnet.FileAccessError) as caught:
            sixnet.Model.load(folder)
        self.assertNotIsInstance(caught.exception, FileNotFoundError)

    def test_pickle(self):
        for kind in (*sixnet._ERRORS.values(), sixnet.SixnetError):
            error = pickle.loads(pickle.dumps(kind(-4, "text")))
            self.assertEqual((type(error), error.status, str(error)), (kind, -4, "text"))

    def test_a_failed_add(self):
        net = sixnet.Model()
        net.add("input shape=3")
        with self.assertRaisesRegex(sixnet.BadSpecError, "did you mean 'out_features'"):
            net.add("linear", out_feature=3)
        self.assertIn("not compiled", repr(net))
        with self.assertRaises(sixnet.BadStateError):
            net.predict([[1, 2, 3]])
        net.add("linear", out_features=3)  # the model is as it was before
        with self.assertRaisesRegex(sixnet.BadSpecError, "there is no such layer"):
            net.add("capsule")
        net.add("mse")
        net.compile()
        self.assertEqual([node.kind for node in net.nodes], ["input", "linear", "mse"])

    def test_samples_by_number(self):
        data = sixnet.Dataset([[1.0], [2.0]], [[3.0], [4.0]])
        self.assertEqual([float(x[0]) for x, _ in (data[0], data[-1])], [1, 2])
        with self.assertRaises(IndexError):
            data[2]
        with self.assertRaisesRegex(TypeError, r"no slices; split\(\)"):
            data[0:1]
        with self.assertRaisesRegex(TypeError, "index: expected a whole number, got 0.5"):
            data[0.5]

    def test_nul(self):
        with self.assertRaises(ValueError):
            sixnet.Model("input shape=3\0")


class Kinds(unittest.TestCase):
    def test_every_family(self):
        for family in sixnet.FAMILIES:
            found = sixnet.kinds(family)
            self.assertTrue(found, family)
            for kind in found:
                self.assertTrue(kind.name and kind.help, kind)
                for attribute in kind.attributes:
                    self.assertTrue(attribute.name and attribute.type and attribute.help, attribute)

    def test_conv2d(self):
        conv = next(kind for kind in sixnet.kinds("layer") if kind.name == "conv2d")
        self.assertEqual(conv.attributes[0][:3], ("out_channels", "int", "required"))

    def test_unknown_family(self):
        with self.assertRaises(KeyError):
            sixnet.kinds("animals")

    def test_attributes_of_python_values(self):
        self.assertEqual(sixnet._spec("a", {"b": True, "c": (3, 5), "d": [0.1, 2], "e": 1e-3, "f": "x", "g": None}),
                         b"a b=true c=3x5 d=0.1,2 e=0.001 f=x")
        for value in ("a b=2", " a", "a\n", "a\tb"):
            self.assertRaisesRegex(sixnet.InvalidArgumentError, "^name: ", sixnet.Model().add, "input shape=1", name=value)
        for name in ("shape=2 name", "shape=2 #", "", "shape\n"):
            self.assertRaisesRegex(sixnet.InvalidArgumentError, "no name of an attribute", sixnet.Model().add, "input", **{name: 1})
        for value in (object(), {1: 2}, b"x", 1j, [[1, 2], [3, 4]], {1}):
            self.assertRaisesRegex(TypeError, "^shape: ", sixnet.Model().add, "input", shape=value)

    def test_sequences_are_written_as_the_attribute_wants(self):
        kinds = [tuple, list, lambda values: array("i", values), lambda values: range(values[0], values[1] + 1, values[1] - values[0])]
        if np is not None:
            kinds += [np.array, lambda values: tuple(np.array(values, np.uint8)), lambda values: np.array(values, np.float64).astype(int)[::1]]
        for kind in kinds:
            net = sixnet.Model()
            net.add("input", shape=kind([7, 9]))
            net.add("reshape", shape=kind([7, 9]))
            net.compile()
            self.assertEqual(net.output_shape, (7, 9))
            net = sixnet.Model()
            net.add("input shape=1x9x9")
            net.add("conv2d out_channels=1", kernel_size=kind([3, 5]))
            self.assertEqual(net.compile().output_shape, (1, 7, 5))
            data = sixnet.Dataset([[[[1.0] * 4]] * 2], shape=(2, 1, 4)).add_transform("normalize std=2,2", mean=kind([1, 2]))
            self.assertEqual([row[0] for row in memoryview(data[0][0]).tolist()], [[0.0] * 4, [-0.5] * 4])

    @needs_numpy
    def test_numbers_of_numpy(self):
        for value, text in ((np.float32(0.5), "0.5"), (np.int64(3), "3"), (np.bool_(True), "true"), (np.float16(0.25), "0.25"), (np.array(7), "7"),
                            (np.longdouble(0.5), "0.5"), (np.array([True, False]), "true,false"), (np.str_("x"), "x")):
            self.assertEqual(sixnet._spec("a", {"b": value}).decode(), f"a b={text}")
        net, (x, t) = sixnet.Model(SMALL, sixnet.Context(seed=np.uint8(3))), some_data()
        self.assertEqual(len(net.fit(x, t, epochs=np.int64(2), batch_size=np.int32(16), shuffle=np.bool_(False))), 2)


class Lifetime(unittest.TestCase):
    def test_close(self):
        net = sixnet.Model(SMALL)
        net.close()
        net.close()
        self.assertTrue(net.closed)
        self.assertEqual(repr(net), "<sixnet.Model, closed>")
        for call in (lambda: net.predict([[0, 0, 0, 0]]), net.zero_grad, lambda: list(net), lambda: net["linear1.weight"], lambda: net.text):
            with self.assertRaisesRegex(sixnet.BadStateError, "this Model is closed"):
                call()

    def test_any_order(self):
        x, t = some_data()
        for order in ("cnod", "donc", "ncdo", "ocnd"):
            context = sixnet.Context()
            net = sixnet.Model(SMALL, context)
            optimizer = sixnet.Optimizer(net, "adam lr=0.01")
            data = sixnet.Dataset(x, t, context=context)
            net.fit(data, optimizer=optimizer)
            handles = {"c": context, "n": net, "o": optimizer, "d": data}
            for name in order:
                handles.pop(name).close()

    def test_children_keep_their_parents(self):
        net = sixnet.Model(SMALL, sixnet.Context(dtype="f64"))
        optimizer = sixnet.Optimizer(net, "sgd lr=0.5")
        net.close()
        del net
        gc.collect()
        optimizer.step()
        self.assertEqual(optimizer.lr, 0.5)
        batches = sixnet.Dataset([[1.0], [2.0]]).batches(2, shuffle=False)
        gc.collect()
        self.assertEqual([x.tolist() for x, _ in batches], [[[1.0], [2.0]]])

    def test_nothing_is_left(self):
        gc.collect()
        before = len(weakref.finalize._registry)
        context = sixnet.Context(log=print)
        context.register_layer("twice", lambda call, x: x, lambda call, dy, x: dy)
        x, t = some_data()
        for _ in range(3):
            net = sixnet.Model("input shape=4\ntwice\nlinear out_features=3\ncross_entropy", context)
            net.fit(x, t, progress=lambda p: None)
        del net, context
        gc.collect()
        self.assertEqual(len(weakref.finalize._registry), before)

    def test_a_view_outlives_its_model(self):
        with sixnet.Model("input shape=2\nlinear out_features=2") as net:
            net["linear1.weight"] = [[1, 2], [3, 4]]
            view = net["linear1.weight"]
        self.assertTrue(net.closed)
        del net
        gc.collect()
        [sixnet.Model("input shape=2\nlinear out_features=2 init=zeros") for _ in range(50)]
        self.assertEqual(view.tolist(), [[1, 2], [3, 4]])

    def test_close_while_it_runs(self):
        net = sixnet.Model(SMALL)
        x, t = some_data()
        history = net.fit(x, t, epochs=2, progress=lambda p: net.close())
        self.assertEqual(len(history), 2)

    def test_end_of_the_process(self):
        text = f"""if True:
            import sixnet, threading
            net = sixnet.Model({SMALL!r}, sixnet.Context(threads=2, log=print))
            opt = sixnet.Optimizer(net, "sgd lr=0.1")
            view = net["linear1.weight"]
            x = [[0.1, 0.2, 0.3, 0.4]] * 64
            other = sixnet.Model({SMALL!r})
            started = threading.Event()
            threading.Thread(target=other.fit, args=(x, [0] * 64), kwargs=dict(epochs=10**6, progress=lambda p: started.set()), daemon=True).start()
            started.wait()
            class Last:
                def __del__(self): net.close(); opt.close()
            last = Last()
            cycle = [net, view]; cycle.append(cycle)
        """
        self.assertEqual(run_python(text), (0, "", ""))


def double(call, x):
    return [[2 * value for value in row] for row in memoryview(x).tolist()]


def double_back(call, dy, x):
    return double(call, dy)


def sample(index):
    return [float(index)] * 4, index % 3


COPIES = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "copy": copy.copy, "deepcopy": copy.deepcopy}


class Copies(unittest.TestCase):
    """Copies by pickle and by the module copy behave as the original would have."""

    TEXT = "input shape=4\nlinear out_features=8\nbatchnorm1d\ndropout p=0.5\nlinear out_features=3\ncross_entropy"

    def test_contexts(self):
        context = sixnet.Context("threads=2", dtype="f64", seed=7, max_memory=2**30, log=print)
        context.register_layer("double", double, double_back)
        for name, made in COPIES.items():
            with self.subTest(name):
                twin = made(context)
                self.assertEqual((repr(twin), twin.max_memory), (repr(context), context.max_memory))
                self.assertEqual(list(sixnet.Model("input shape=1\ndouble", twin).predict(array("d", [3.0])).tolist()), [[6.0]])
                twin.close()
                self.assertFalse(context.closed)
        with self.assertRaises((pickle.PicklingError, AttributeError)):
            pickle.dumps(sixnet.Context(log=lambda level, line: None))

    def test_models(self):
        x, t = some_data()
        net = sixnet.Model(self.TEXT, sixnet.Context(seed=5))
        net.fit(x, t)
        twins = {name: made(net) for name, made in COPIES.items()}
        first = net.digest()
        net.fit(x, t, epochs=2)
        self.assertNotEqual(net.digest(), first)
        for name, twin in twins.items():
            with self.subTest(name):
                self.assertEqual((twin.digest(), twin.context.seed, twin.input_shape), (first, 5, (4,)))
                twin.fit(x, t, epochs=2)
                self.assertEqual(twin.digest(), net.digest())

    def test_models_not_compiled_branched_and_retained(self):
        net = sixnet.Model()
        a = net.add("input shape=4 name=a")
        b = net.add("linear out_features=4", a)
        net.add("add", b, net.add("tanh", a))
        net.retain("a")
        for made in COPIES.values():
            twin = made(net).compile()
            self.assertEqual([node.spec for node in twin.nodes], [node.spec for node in net.nodes])
            for again in (twin, *(other(twin) for other in COPIES.values())):
                again.forward([[1.0, 2.0, 3.0, 4.0]])
                self.assertEqual(again.node_values("a").tolist(), [[1.0, 2.0, 3.0, 4.0]])

    def test_models_with_settings_of_tensors(self):
        plain = sixnet.Model()
        for line in SMALL.splitlines():
            plain.add(line)
        for net, finish in ((plain, sixnet.Model.compile), (sixnet.Model(SMALL), lambda model: model)):
            net.set_tensors("linear1.*", trainable=False)
            net.set_tensors("linear2.bias", lr_scale=0.25)
            for name, made in COPIES.items():
                with self.subTest(name):
                    for twin in (finish(made(net)), finish(made(made(net)))):
                        self.assertEqual([twin.is_parameter(tensor) for tensor in twin], [False, False, True, True])
                        self.assertEqual(twin.tensor_setting("linear2.bias", "lr_scale"), 0.25)

    def test_values_that_are_not_finite(self):
        net = sixnet.Model(SMALL)
        net["linear1.bias"] = [math.nan] * 8
        for made in COPIES.values():
            self.assertEqual(made(net).digest(), net.digest())

    def test_subclasses(self):
        class Named(sixnet.Model):
            def __init__(self, name, notes):
                sixnet.Model.__init__(self, SMALL)
                self.name, self.notes = name, notes

        globals()["Named"], Named.__qualname__ = Named, "Named"
        net = Named("one", ["x"])
        for name, made in COPIES.items():
            twin = made(net)
            self.assertEqual((type(twin), twin.name, twin.notes, twin.digest()), (Named, "one", ["x"], net.digest()))
            self.assertEqual(twin.notes is net.notes, name == "copy")

    def test_optimizers(self):
        x, t = some_data()

        def steps(net, optimizer):
            for _ in range(3):
                net.zero_grad()
                net.forward(x)
                net.loss(t)
                net.backward()
                optimizer.step()
            optimizer.end_epoch()

        for closed in (False, True):
            net = sixnet.Model(self.TEXT)
            optimizer = sixnet.Optimizer(net, "adam lr=0.01", "step_lr step_size=1 gamma=0.5")
            steps(net, optimizer)
            optimizer.lr = 0.3
            run = {"net": net, "optimizer": optimizer}
            twins = {name: made(run) for name, made in COPIES.items() if name != "copy"}
            shared = copy.copy(optimizer)
            self.assertEqual((shared.lr, shared._model.get() is net), (optimizer.lr, True))
            for twin in twins.values():
                self.assertIs(twin["optimizer"]._model.get(), twin["net"])
            if closed:  # the optimizer keeps its model
                wanted, loaded = net.copy(), copy.deepcopy(run)
                net.close()
                again = pickle.loads(pickle.dumps(optimizer))
                self.assertEqual(again._model.get().digest(), wanted.digest())
                self.assertEqual(again.lr, loaded["optimizer"].lr)
                continue
            steps(net, optimizer)
            for twin in twins.values():
                steps(**twin)
                self.assertEqual((twin["net"].digest(), twin["optimizer"].lr), (net.digest(), optimizer.lr))

    def test_datasets(self):
        def rows(data):
            return [tuple(None if values is None else values.tolist() for values in pair) for pair in data]

        x, t = some_data()
        context = sixnet.Context(seed=3)
        values, labels = array("f", sum(x, [])), array("i", t)
        arrays = sixnet.Dataset(values, labels, shape=(4,), context=context).add_transform("normalize", mean=[1], std=[2])
        copied = sixnet.Dataset(values, labels, shape=(4,), copy=True)
        parts = arrays.split(40, seed=2)
        deeper = parts[1].add_transform("one_hot num_classes=3").split(5)[0]
        function = sixnet.Dataset.from_function(sample, 30, (4,), context=context)
        for i, data in enumerate((arrays, copied, *parts, deeper, function, sixnet.Dataset(x))):
            wanted = rows(data)
            for name, made in COPIES.items():
                with self.subTest(name, data=i):
                    twin = made(data)
                    self.assertEqual(rows(twin), wanted)
                    self.assertEqual((twin.shape, twin.target_shape), (data.shape, data.target_shape))
                    twin.add_transform("normalize mean=5 std=1")
                    twin.close()
                    self.assertEqual(data[0][0].tolist(), wanted[0][0])
        twins = {name: made(arrays) for name, made in COPIES.items()}
        before, after = copied[0][0].tolist(), [(9 - 1) / 2] + arrays[0][0].tolist()[1:]
        values[0] = 9  # which the copies that share their arrays see
        self.assertEqual([twin[0][0].tolist() == after for twin in twins.values()], [False, True, False])
        self.assertEqual(pickle.loads(pickle.dumps(copied))[0][0].tolist(), before)
        one, two = pickle.loads(pickle.dumps(parts))
        self.assertIs(one._context.get(), two._context.get())

    def test_files(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        (folder / "x").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 255, 0, 0, 51]))
        (folder / "t").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 4, 7]))
        here = os.getcwd()
        os.chdir(folder)
        try:
            data = sixnet.Dataset.from_idx("x", "t")
            saved = pickle.dumps(data)
        finally:
            os.chdir(here)
        self.assertEqual(pickle.loads(saved)[1][1].tolist(), [7.0])
        (folder / "x").unlink()
        self.assertRaises(FileNotFoundError, pickle.loads, saved)

    def test_folder_of_images(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        for label, value in (("two", 51), ("one", 255)):
            (folder / label).mkdir()
            (folder / label / "x.pgm").write_bytes(b"P5 2 1 255\n" + bytes([value, 0]))
        data = sixnet.Dataset.open(folder, channels=1)
        self.assertEqual((data.classes, data.shape, len(data)), (("one", "two"), (1, 1, 2), 2))
        self.assertEqual([(round(255 * float(x[0][0][0])), t.tolist()) for x, t in data], [(255, [0.0]), (51, [1.0])])
        for made in COPIES.values():
            self.assertEqual(made(data).classes, ("one", "two"))
        self.assertEqual(sixnet.Dataset.open(folder, resize=(3, 4)).shape, (1, 3, 4))
        self.assertEqual(sixnet.Dataset.open(folder / "one" / "x.pgm").target_shape, None)
        self.assertEqual(sixnet.Dataset([[1.0]]).classes, ())
        with self.assertRaisesRegex(sixnet.BadSpecError, "did you mean 'channels'"):
            sixnet.Dataset.open(folder, chanels=1)
        self.assertRaises(FileNotFoundError, sixnet.Dataset.open, folder / "none")

    def test_batches_and_predictors(self):
        data = sixnet.Dataset([[float(i)] for i in range(10)])
        batches = data.batches(3, seed=4)
        list(batches)
        twins = [made(batches) for made in COPIES.values()]
        rest = [x.tolist() for x, _ in batches]
        for twin in twins:
            self.assertEqual([x.tolist() for x, _ in twin], rest)
        net = sixnet.Model("input shape=1\nlinear out_features=1\nmse")
        optimizer, path = sixnet.Optimizer(net, "sgd lr=0"), tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, path)
        iterator = iter(batches)
        next(iterator)
        optimizer.save_checkpoint(f"{path}/c", batches)
        resumed = data.batches(3, seed=4)
        optimizer.load_checkpoint(f"{path}/c", resumed)
        twins, rest = [made(resumed) for made in COPIES.values()], [x.tolist() for x, _ in iterator]
        for twin in (resumed, *twins):
            self.assertEqual([x.tolist() for x, _ in twin], rest)
        for made in COPIES.values():
            self.assertEqual(made(sixnet.Predictor(net)).predict([[2.0]]).tolist(), net.predict([[2.0]]).tolist())

    def test_closed(self):
        net, data = sixnet.Model(SMALL), sixnet.Dataset([[1.0]])
        things = (sixnet.Context(), data.batches(1), sixnet.Predictor(net), sixnet.Optimizer(net, "sgd lr=0"), net, data)
        for thing in things:
            thing.close()
            for made in COPIES.values():
                self.assertRaisesRegex(sixnet.BadStateError, f"this {type(thing).__name__} is closed", made, thing)

    def test_close_gives_all_back(self):
        gc.collect()
        before = len(weakref.finalize._registry)
        context = sixnet.Context()
        net, values = sixnet.Model(SMALL, context), array("f", [1.0] * 8)
        data = sixnet.Dataset(values, shape=(4,), context=context)
        things = [context, net, sixnet.Optimizer(net, "sgd lr=0"), sixnet.Predictor(net), data, data.batches(1), *data.split(1)]
        for thing in things:
            thing.close()
        gc.collect()
        self.assertEqual(len(weakref.finalize._registry), before)
        values.append(1.0)  # a BufferError while anything refers to it

    def test_a_spawned_pool(self):
        text = f"""if True:
            import multiprocessing, operator, sixnet
            from array import array
            if __name__ == "__main__":
                net = sixnet.Model({self.TEXT!r}, sixnet.Context(seed=2))
                x, t = array("f", [0.5, 0.1, 0.2, 0.3] * 8), array("i", [0, 1, 2, 0] * 2)
                data = sixnet.Dataset(x, t, shape=(4,))
                net.fit(data)
                optimizer = sixnet.Optimizer(net, "adam lr=0.1")
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    there = pool.map(operator.methodcaller("digest"), [net])
                    back = pool.map(operator.methodcaller("fit", data), [net])
                    measured = pool.apply(net.evaluate, (data,))
                    part = pool.apply(sixnet.Dataset.split, (data, 5))[0]
                    lr = pool.apply(sixnet.Optimizer._others, (optimizer,))
                    print(there == [net.digest()], back == [net.copy().fit(data)] or back[0][0].loss, measured == net.evaluate(data), len(part), lr)
        """
        status, out, errors = run_python(text)
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(out, r"^True .* True 5 {}$")


@needs_numpy
class Arrays(unittest.TestCase):
    def setUp(self):
        self.net = sixnet.Model("input shape=2x3\nflatten\nlinear out_features=2")
        self.x = np.random.default_rng(1).normal(size=(5, 2, 3)).astype(np.float32)
        self.y = self.net.predict(self.x)

    def quietly(self, call):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return call()

    def test_predict_is_right(self):
        wanted = self.x.reshape(5, 6) @ self.net["linear1.weight"].T + self.net["linear1.bias"]
        np.testing.assert_allclose(self.y, wanted, rtol=1e-5, atol=1e-6)
        self.assertEqual((self.y.dtype, self.y.shape), (np.float32, (5, 2)))

    def test_taken_as_they_are(self):
        for x in (self.x, self.x.astype(np.float64), self.x.reshape(5, 6), self.x.reshape(5, 2, 3, 1), self.x.tolist()):
            y = self.quietly(lambda: self.net.predict(x))
            np.testing.assert_allclose(y, self.y, rtol=1e-6)
        frozen = self.x.copy()
        frozen.flags.writeable = False
        np.testing.assert_array_equal(self.quietly(lambda: self.net.predict(frozen)), self.y)

    def test_converted_with_a_warning(self):
        whole = np.arange(30).reshape(5, 2, 3)
        unaligned = np.frombuffer(b"\0" + self.x.tobytes(), np.uint8)[1:].view(np.float32).reshape(5, 2, 3)
        cases = {
            "not contiguous": (np.repeat(self.x, 2, axis=0)[::2], self.y),
            "Fortran's order": (np.asfortranarray(self.x), self.y),
            "transposed": (np.ascontiguousarray(self.x.transpose(2, 1, 0)).transpose(2, 1, 0), self.y),
            "big-endian": (self.x.astype(">f4"), self.y),
            "unaligned": (unaligned, self.y),
            "uint8": (whole.astype(np.uint8), self.net.predict(whole.astype(np.float32))),
            "int64": (whole, self.net.predict(whole.astype(np.float32))),
        }
        for name, (x, y) in cases.items():
            with self.subTest(name), self.assertWarns(sixnet.ConversionWarning) as caught:
                np.testing.assert_array_equal(self.net.predict(x), y)
            self.assertEqual(caught.filename, __file__)

    def test_what_is_no_number(self):
        """NumPy converts these, with a warning at most."""
        shape = (5, 2, 3)
        for wrong in (np.zeros(shape, complex), np.zeros(shape, "M8[s]"), np.full(shape, "1"), np.full(shape, None), np.zeros(5, "f4,f4"),
                      [[["1"] * 3] * 2], [[[None] * 3] * 2], (row for row in self.x), {1: 2}, "text", object(), {1, 2}):
            for call in (lambda: self.net.predict(wrong), lambda: sixnet.Dataset(wrong), lambda: sixnet.Dataset(self.x, wrong),
                         lambda: self.net.load_state_dict({**self.net.state_dict(), "linear1.bias": wrong})):
                self.assertRaisesRegex(TypeError, "expected numbers", call)
        masked = np.ma.masked_array(self.x, self.x > 0)
        self.assertRaisesRegex(ValueError, "masked", self.net.predict, masked)
        np.testing.assert_array_equal(self.net.predict(np.ma.masked_array(self.x)), self.y)
        self.assertRaisesRegex(sixnet.BadShapeError, "^inputs: ", self.net.predict, [[1, 2], [3]])
        halves = [[[Fraction(1, 2)] * 3] * 2]
        np.testing.assert_array_equal(self.net.predict(halves), self.net.predict(np.full((1, 2, 3), 0.5, np.float32)))
        self.assertEqual(sixnet.Dataset(b"\1\2")[1][0].tolist(), [2.0])

    def test_out_does_not_overlap(self):
        both = np.zeros(40, np.float32)
        x, out = both[:30].reshape(5, 2, 3), both[30:].reshape(5, 2)
        self.net.predict(x, out)
        self.assertRaisesRegex(sixnet.InvalidArgumentError, "overlaps", self.net.predict, x, both[29:39].reshape(5, 2))

    def test_half_floats(self):
        with self.assertWarnsRegex(sixnet.ConversionWarning, "inputs: a float16 array was copied"):
            self.net.predict(self.x.astype(np.float16))

    def test_float64_is_not_narrowed(self):
        net = sixnet.Model("input shape=1\nlinear out_features=1 bias=false", sixnet.Context(dtype="f64"))
        net["linear1.weight"] = [[1 / 3]]
        self.assertEqual(net["linear1.weight"].dtype, np.float64)
        self.assertEqual(net.predict(np.array([[1 / 7]])).item(), 1 / 3 * (1 / 7))
        self.assertEqual(net.predict(np.array([[2.0]], np.float32)).dtype, np.float32)

    def test_shapes(self):
        for shape in ((2, 3), (1, 2, 3), (6,)):
            self.assertEqual(self.net.predict(self.x[0].reshape(shape)).shape, (1, 2))
        self.assertEqual(self.net.predict(self.x[:0]).shape, (0, 2))
        for shape in ((5, 3, 2), (30, 1), (2, 15), (3, 5, 2)):
            with self.assertRaisesRegex(sixnet.BadShapeError, "not samples of shape"):
                self.net.predict(self.x.reshape(shape))
        with self.assertRaises(ValueError):
            self.net.predict(None)

    def test_nothing_is_copied(self):
        seen = []

        class Spy:
            def __getattr__(self, name):
                function = getattr(library, name)
                return lambda *args: seen.append(args) or function(*args) if name.startswith("sixnet_model_predict") else function

        library, sixnet._lib = sixnet._lib, Spy()
        try:
            for x, y in ((self.x, np.zeros((5, 2), np.float32)), (self.x.astype(np.float64), np.zeros((5, 2)))):
                self.net.predict(x, y)
                self.assertEqual((seen[-1][1], seen[-1][3]), (x.ctypes.data, y.ctypes.data))
        finally:
            sixnet._lib = library
        self.assertEqual(len(seen), 2)

    def test_out(self):
        out = np.zeros((5, 2), np.float32)
        self.assertIs(self.net.predict(self.x, out), out)
        np.testing.assert_array_equal(out, self.y)
        for wrong in (np.zeros((5, 3), np.float32), np.zeros((5, 2)), np.zeros((5, 4), np.float32)[:, ::2]):
            with self.assertRaises(sixnet.BadShapeError):
                self.net.predict(self.x, wrong)

    def test_views(self):
        view = self.net["linear1.weight"]
        self.assertFalse(view.flags.writeable)
        self.assertFalse(view.flags.owndata)
        self.net["linear1.weight"] = np.ones((2, 6))
        np.testing.assert_array_equal(view, np.ones((2, 6)))
        with self.assertRaises(ValueError):
            view[0, 0] = 3
        with self.assertRaisesRegex(ValueError, r"linear1.weight has the shape \(2, 6\), not \(6, 2\)"):
            self.net["linear1.weight"] = np.ones((6, 2))

    def test_borrowed_data(self):
        for kind in (np.float32, np.float64, np.uint8, np.int32, np.int64):
            x = np.arange(8).reshape(4, 2).astype(kind)
            data = self.quietly(lambda: sixnet.Dataset(x, np.arange(4)))
            copied = sixnet.Dataset(x, np.arange(4), copy=True)
            x[1] = (50, 60)
            self.assertEqual((data[1][0].tolist(), copied[1][0].tolist(), data[-1][1].tolist()), ([50, 60], [2, 3], [3]))
        with self.assertWarns(sixnet.ConversionWarning):
            self.assertEqual(sixnet.Dataset(x.astype(np.int16))[0][0].tolist(), [0, 1])

    def test_borrowed_data_stays(self):
        part, rest = sixnet.Dataset(np.full((100000, 4), 7, np.float32)).split(1000)
        gc.collect()
        np.full((100000, 4), 8, np.float32)
        self.assertTrue((part[999][0] == 7).all() and (rest[0][0] == 7).all())

    def test_images_of_bytes(self):
        data = sixnet.Dataset(np.full((3, 2, 2), 255, np.uint8), scale=1 / 255)
        self.assertEqual((len(data), data.shape, data.target_shape), (3, (2, 2), None))
        self.assertEqual(data[0][0].tolist(), [[1, 1], [1, 1]])
        self.assertIsNone(data[0][1])

    def test_labels_of_any_type(self):
        net, (x, t) = sixnet.Model(SMALL), some_data()
        x, wanted = np.array(x, np.float32), net.evaluate(*some_data())
        for kind in (np.uint8, np.int16, np.int32, np.int64, np.uint64, np.float32, np.float64):
            self.assertEqual(self.quietly(lambda: net.evaluate(x, np.array(t, kind))), wanted)

    def test_state_dict(self):
        other = sixnet.Model(self.net.text)
        other.reset(5)
        state = self.net.state_dict()
        state["linear1.weight"][0] = 9
        self.assertNotEqual(self.net["linear1.weight"][0, 0], 9)
        other.load_state_dict(self.net.state_dict())
        self.assertEqual(other.digest(), self.net.digest())
        with self.assertRaisesRegex(KeyError, "missing: linear1.bias; unknown: x"):
            other.load_state_dict({"linear1.weight": state["linear1.weight"], "x": 1})
        with self.assertRaises(ValueError):
            other.load_state_dict({**state, "linear1.bias": np.zeros(3)})
        self.assertEqual(other.digest(), self.net.digest())


    def test_tensors_with_gradients_and_bfloat16(self):
        """PyTorch's, or what is like them: they give no array before they are detached, and none of bfloat16 at all."""

        class Tensor:
            def __init__(self, values, dtype="torch.float32", tracked=True, device="cuda"):
                self.values, self.dtype, self.tracked, self.device = values, dtype, tracked, device

            shape = property(lambda self: self.values.shape)

            def detach(self):
                return Tensor(self.values, self.dtype, False, self.device)

            def cpu(self):
                return Tensor(self.values, self.dtype, self.tracked, "cpu")

            def float(self):
                return Tensor(self.values, "torch.float32", self.tracked, self.device)

            def __len__(self):
                return len(self.values)

            def __array__(self, dtype=None, copy=None):
                if self.tracked or self.device != "cpu" or self.dtype == "torch.bfloat16":
                    raise TypeError("there is no array of this tensor")
                return self.values if dtype is None else self.values.astype(dtype)

        state = {name: np.asarray(values) + 1 for name, values in self.net.state_dict().items()}
        for dtype in ("torch.float32", "torch.bfloat16"):
            net = sixnet.Model(self.net.text)
            net.load_state_dict({name: Tensor(values, dtype) for name, values in state.items()})
            for name, values in state.items():
                np.testing.assert_array_equal(net[name], values)
            np.testing.assert_array_equal(net.predict(Tensor(self.x, dtype)), net.predict(self.x))
            net["linear1.bias"] = Tensor(np.zeros(2, np.float32), dtype)
            self.assertEqual(net["linear1.bias"].tolist(), [0, 0])


class PlainPython(unittest.TestCase):
    """Without NumPy; where it is there, in another process that cannot import it."""

    def test_everything(self):
        if np is None:
            without_numpy()
            return
        status, output, error = run_python("import sys; sys.modules['numpy'] = None; sys.path.insert(0, {!r}); import test_python; "
                                           "test_python.without_numpy(); print('done')".format(str(ROOT / "tests")))
        self.assertEqual((status, output), (0, "done\n"), error)


def without_numpy():
    assert sixnet.numpy is None
    net = sixnet.Model("input shape=2\nlinear out_features=3\nmse")
    net["linear1.weight"] = [[1, 2], [3, 4], [5, 6]]
    net["linear1.bias"] = array("d", [0, 0, 1])
    wanted = [[5, 11, 18], [3, 7, 12]]
    rows = array("f", [1, 2, 1, 1])
    matrix = memoryview(rows).cast("B").cast("f", (2, 2))
    for x in ([[1, 2], [1, 1]], rows, matrix, memoryview(array("d", rows)), memoryview(rows).toreadonly()):
        assert net.predict(x).tolist() == wanted, x
    out = array("f", [0] * 6)
    net.predict(rows, out)
    assert out.tolist() == [5, 11, 18, 3, 7, 12]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert net.predict(array("i", [1, 2])).tolist() == wanted[:1]
        assert net.predict(memoryview(array("f", [1, 0, 2, 0]))[::2]).tolist() == wanted[:1]
        assert net.predict(bytes([1, 2])).tolist() == wanted[:1]
    assert [w.category for w in caught] == [sixnet.ConversionWarning] * 3
    assert net["linear1.weight"].shape == (3, 2) and net["linear1.weight"].readonly
    assert net.state_dict()["linear1.bias"].tolist() == [0, 0, 1]
    data = sixnet.Dataset(bytes(range(12)), bytes(range(18)), shape=(2,), target_shape=(3,))
    assert (len(data), data[5][0].tolist(), data[5][1].tolist()) == (6, [10, 11], [15, 16, 17])
    assert [len(x) for x, _ in data.batches(4)] == [4, 2]
    net.fit([[0.1, 0.2], [0.3, 0.4]], [[1, 2, 3], [4, 5, 6]], optimizer="sgd lr=0.01", epochs=3)
    for wrong in ([[1, 2], [3]], [[1, 2, 3]], rows[:3]):
        try:
            net.predict(wrong)
        except sixnet.BadShapeError:
            continue
        raise AssertionError(wrong)
    for wrong in ((row for row in [[1, 2]]), [[None, 1]], [["1", "2"]], [[1j, 2]], {1: 2}, {1, 2}, array("u", "ab"), object(), "12"):
        for call in (net.predict, sixnet.Dataset):
            try:
                call(wrong)
            except TypeError as error:
                assert str(error).startswith("inputs: expected numbers, got "), error
                continue
            raise AssertionError(wrong)
    context = sixnet.Context(dtype="f64")
    register_plain_scale(context)
    scaled = sixnet.Model("input shape=2\nplain_scale\nmse", context)
    assert scaled.predict([[1, 2]]).tolist() == [[3, 6]]
    assert scaled.gradient_check([[1, 2], [3, 4]], [[0, 1], [2, 5]]).worst < 1e-8


def register_plain_scale(context):
    """A layer that needs no NumPy: its arrays are memoryviews."""
    def forward(call, x, w):
        return [[value * w[0] for value in row] for row in x.tolist()]

    def backward(call, dy, x, w):
        products = [a * b for r, s in zip(dy.tolist(), x.tolist()) for a, b in zip(r, s)]
        return [[value * w[0] for value in row] for row in dy.tolist()], [sum(products)]

    context.register_layer("plain_scale", forward, backward, setup=lambda s: s.parameter("weight", (1,), low=3))


class Training(unittest.TestCase):
    def test_fit(self):
        x, t = some_data(256)
        net = sixnet.Model(SMALL)
        seen = []
        history = net.fit(x, t, optimizer="adam lr=0.02", schedule="step_lr step_size=10", epochs=15, batch_size=32,
                          validation=some_data(64, seed=1), progress=seen.append)
        self.assertEqual([p.epoch for p in history], list(range(1, 16)))
        self.assertEqual(len(seen), 15 * 9)
        self.assertEqual(sum(p.epoch_end for p in seen), 15)
        self.assertEqual((seen[0].batch, seen[0].batches, seen[0].samples, seen[0].epochs), (1, 8, 32, 15))
        self.assertAlmostEqual(history[-1].lr, 0.002)
        self.assertTrue(math.isnan(seen[0].validation_loss))
        self.assertGreater(history[-1].validation_accuracy, 0.85)
        self.assertEqual(net.evaluate(*some_data(64, seed=1)), (history[-1].validation_loss, history[-1].validation_accuracy))

    def test_early_stopping(self):
        x, t = some_data(256)
        held = some_data(64, seed=1)
        plain, net = sixnet.Model(SMALL), sixnet.Model(SMALL)
        settings = {"optimizer": "sgd lr=2 momentum=0.5", "epochs": 12, "validation": held}
        losses = [p.validation_loss for p in plain.fit(x, t, **settings)]
        best = losses.index(min(losses))
        history = net.fit(x, t, **settings, monitor="val_loss", restore_best=True)
        self.assertEqual([p.validation_loss for p in history], losses)
        self.assertEqual(net.evaluate(*held)[0], losses[best])
        last = next(i for i in range(1, 12) if min(losses[:i]) <= losses[i])
        stopped = sixnet.Model(SMALL)
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(len(stopped.fit(x, t, **settings, monitor="val_loss", early_stopping=1, run_dir=f"{folder}/run")), last + 1)
            self.assertIn(f"digest={stopped.digest()}", pathlib.Path(folder, "run", "result.txt").read_text().splitlines())
        held_out = sixnet.Model(SMALL).fit(x, t, epochs=1, validation_split=0.25, balance=True)
        self.assertFalse(math.isnan(held_out[-1].validation_loss))

    def test_metrics(self):
        net = sixnet.Model("input shape=2\nreshape shape=2\ncross_entropy")
        x, t = [[2, 1], [0, 3], [1, 2], [1, 2]], [0, 1, 1, 0]
        found = net.metrics(x, t, bins=1)
        self.assertEqual((found["loss"], found["accuracy"]), net.evaluate(x, t))
        self.assertEqual(found["confusion"], [[1, 1], [0, 2]])
        self.assertEqual((found["precision"], found["recall"], found["f1"]), (2 / 3, 1, 0.8))
        self.assertEqual((found["auc"], found["support"]), (0.875, [2, 2]))
        self.assertAlmostEqual(found["matthews_correlation"], 3 ** -0.5)
        self.assertIsNone(sixnet.Model("input shape=2\nreshape shape=2\nmse").metrics(x, x)["accuracy"])
        with self.assertRaises(sixnet.BadSpecError):
            net.metrics(x, t, bins=0)

    def test_folds(self):
        t = [0] * 40 + [1] * 20 + [2] * 3
        data = sixnet.Dataset([[i] for i in range(63)], t)
        held = []
        for fold in range(3):
            rest, part = data.split(folds=3, fold=fold, stratify=True, seed=4)
            self.assertEqual(sorted(int(x) for (x,), _ in [*rest, *part]), list(range(63)))
            classes = [int(target) for _, (target,) in part]
            self.assertEqual([classes.count(c) for c in range(3)], [[14, 6, 1], [13, 7, 1], [13, 7, 1]][fold])
            held += [int(x) for (x,), _ in part]
        self.assertEqual(sorted(held), list(range(63)))
        with self.assertRaisesRegex(ValueError, "exactly one"):
            data.split()
        classes = [int(c) for _, targets in data.batches(10, balance=True) for c, in targets]
        self.assertEqual([classes.count(c) for c in range(3)], [21, 21, 21])

    def test_progress_on_a_terminal(self):
        """A run of more than two seconds shows a line, which fits, has no colours and goes at the end."""
        slow = """if True:
            import sixnet, sys, time
            def sample(index):
                time.sleep(0.04)
                return [0, 1], [0]
            data = sixnet.Dataset.from_function(sample, 60, shape=[2])
            net = sixnet.Model("input shape=2\\nlinear out_features=1\\nmse")
            net.fit(data, batch_size=2, progress=PROGRESS)
        """
        for progress, columns, term, shown in (("None", 80, "xterm", True), ("None", 30, "xterm", True), ("None", 80, "dumb", False),
                                               ("False", 80, "xterm", False), ("lambda p: None", 80, "xterm", False)):
            with self.subTest(progress=progress, columns=columns, term=term):
                seen = on_terminal(slow.replace("PROGRESS", progress), TERM=term, COLUMNS=str(columns))
                self.assertEqual(b"epoch 1/1 " in seen, shown, seen)
                self.assertLess(max(len(line) for line in re.split(rb"\r|\x1b\[K", seen)), columns)
                self.assertEqual(set(re.findall(rb"\x1b\[[0-9;]*[A-Za-z]", seen)), {b"\x1b[K"} if shown else set())
                self.assertTrue(seen.endswith(b"\r\x1b[K") if shown else not seen, seen)

    def test_progress_stops(self):
        x, t = some_data()
        history = sixnet.Model(SMALL).fit(x, t, epochs=50, progress=lambda p: p.epoch_end and p.epoch == 3)
        self.assertEqual(len(history), 3)

    def test_progress_may_use_the_net(self):
        net, (x, t) = sixnet.Model(SMALL), some_data()
        losses = []
        net.fit(x, t, epochs=2, progress=lambda p: losses.append(net.evaluate(x, t).loss) if p.epoch_end else None)
        self.assertEqual(len(losses), 2)

    def test_an_optimizer_goes_on(self):
        x, t = some_data()
        once, twice = sixnet.Model(SMALL), sixnet.Model(SMALL)
        once.fit(x, t, optimizer="adam lr=0.01", epochs=2, shuffle=False)
        optimizer = sixnet.Optimizer(twice, "adam lr=0.01")
        for _ in range(2):
            twice.fit(x, t, optimizer=optimizer, shuffle=False)
        self.assertEqual(once.digest(), twice.digest())
        optimizer.lr = 0.5
        self.assertEqual(optimizer.lr, 0.5)
        with self.assertRaises(ValueError):
            twice.fit(x, t, optimizer=optimizer, schedule="step_lr step_size=1")

    def test_the_open_loop(self):
        x, t = some_data(32)
        net, other = (sixnet.Model(SMALL) for _ in range(2))
        net.fit(x, t, optimizer="sgd lr=0.1", epochs=3, batch_size=32, shuffle=False)
        optimizer = sixnet.Optimizer(other, "sgd lr=0.1")
        for _ in range(3):
            other.zero_grad()
            other.forward(x)
            other.loss(t)
            other.backward()
            optimizer.step()
        self.assertEqual(net.digest(), other.digest())
        with self.assertRaisesRegex(sixnet.BadShapeError, "31 samples, but the forward pass was of 32"):
            other.forward(x)
            other.loss(t[:31])

    def test_a_loss_of_ones_own(self):
        net = sixnet.Model("input shape=2\nlinear out_features=1 bias=false init=zeros")
        net.forward([[1, 2], [3, 4]])
        self.assertEqual(net.node_values().tolist(), [[0], [0]])
        net.backward([[1], [10]])
        self.assertEqual(net.gradient("linear1.weight").tolist(), [[31, 42]])

    def test_wrong_data(self):
        net, (x, t) = sixnet.Model(SMALL), some_data()
        for call in (lambda: net.fit(x, t[:5]), lambda: net.fit(x), lambda: net.fit(x, [9] * 64), lambda: net.evaluate([[1, 2]], [0]),
                     lambda: net.fit(x, t, epoch=3)):
            with self.assertRaises(ValueError):
                call()

    def test_a_model_is_a_mapping_of_its_tensors(self):
        net = sixnet.Model("input shape=2x4x4\nconv2d out_channels=2 kernel_size=3\nbatchnorm2d")
        self.assertEqual(list(net), ["conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"])
        self.assertEqual([net.is_parameter(name) for name in net], [True] * 4 + [False] * 2)
        self.assertEqual((len(net), "conv1.bias" in net, bool(sixnet.Model("input shape=1\nrelu"))), (6, True, True))
        self.assertEqual({name: list(view.shape) for name, view in net.items()}["conv1.weight"], [2, 2, 3, 3])
        self.assertEqual(len({net, net}), 1)

    def test_looking_at_it(self):
        net = sixnet.Model()
        a = net.add("input", shape=(1, 4, 4), name="image")
        b = net.add("conv2d", out_channels=2, kernel_size=3, padding=1, bias=False)
        c = net.add("conv2d out_channels=2 kernel_size=1", "image")
        net.add("mul", b, c)
        net.add("flatten")
        net.add("mse")
        net.compile()
        self.assertEqual((net.input_shape, net.output_shape, net.target_shape), ((1, 4, 4), (32,), (32,)))
        self.assertEqual([node.kind for node in net.nodes], ["input", "conv2d", "conv2d", "mul", "flatten", "mse"])
        self.assertEqual((a, net.find("conv2"), net.nodes[3].shape), (0, 2, (2, 4, 4)))
        self.assertEqual(sixnet.Model(net.text).digest(), net.digest())
        self.assertIn("Conv2d-1              [-1, 2, 4, 4]              18", repr(net))
        self.assertGreater(net.memory_needed(100), net.memory_needed(10))

    def test_profile(self):
        net, (x, t) = sixnet.Model(SMALL), some_data()
        self.assertTrue(math.isnan(net.profile_get("linear1", "forward_passes")))
        net.profile()
        net.fit(x, t, batch_size=16)
        self.assertEqual((net.profile_get("linear1", "forward_passes"), net.profile_get("linear1", "backward_samples")), (4, 64))
        net.profile(False)

    def test_augment(self):
        """The training samples alone go through it, each time otherwise; class numbers may become probabilities."""
        draw = random.Random(2)
        x, t = [[draw.random() for _ in range(36)] for _ in range(20)], [i % 3 for i in range(20)]
        text = "input shape=1x6x6\nconv2d out_channels=2 kernel_size=3\nflatten\nlinear out_features=3\n"

        def digest(loss, *arrays, **options):
            net = sixnet.Model(text + loss)
            net.fit(*arrays, epochs=2, batch_size=5, **options)
            return net.digest()

        turned = digest("cross_entropy", x, t, augment="random_affine degrees=20")
        self.assertEqual(turned, digest("cross_entropy", x, t, augment=["random_affine degrees=20"], validation=(x, t)))
        self.assertEqual(turned, digest("cross_entropy", sixnet.Dataset(x, t, shape=(1, 6, 6)).add_transform("random_affine", degrees=20.0)))
        self.assertNotEqual(turned, digest("cross_entropy", x, t))
        mixed = digest("mse", x, t, augment=("random_horizontal_flip", "mixup num_classes=3"))
        self.assertNotEqual(mixed, digest("mse", x, t, augment=("random_horizontal_flip", "one_hot num_classes=3")))
        data = sixnet.Dataset(x, t, shape=(1, 6, 6)).add_transform("one_hot", num_classes=3)
        self.assertEqual((data.target_shape, data[4][1].tolist()), ((3,), [0, 1, 0]))
        for arrays, options, message in (((data,), {"augment": "mixup"}, "augment is for arrays"),
                                         ((x, t), {"augment": "mixupp"}, "did you mean 'mixup'"),
                                         ((x, t), {"augment": "mixup num_classes=2"}, "label 2")):
            with self.assertRaisesRegex(sixnet.SixnetError, message):
                sixnet.Model(text + "cross_entropy").fit(*arrays, **options)

    def test_datasets(self):
        x, t = some_data(10)
        data = sixnet.Dataset(x, t).add_transform("normalize", mean=1.0, std=2.0)
        self.assertAlmostEqual(data[3][0].tolist()[1], (x[3][1] - 1) / 2, 6)
        self.assertEqual(len(list(data)), 10)
        with self.assertRaises(IndexError):
            data[10]
        one, two = data.split(4, seed=3)
        self.assertEqual((len(one), len(two)), (4, 6))
        batches = data.batches(4, seed=1)
        epochs = [[row for x, _ in batches for row in x.tolist()] for _ in range(2)]
        self.assertNotEqual(*epochs)
        self.assertEqual(*map(sorted, epochs))
        self.assertEqual(len(list(data.batches(4, drop_last=True))), 2)

    def test_independent_iterations(self):
        data = sixnet.Dataset([[float(i)] for i in range(10)])

        def seen(batches):
            return [[row[0] for row in x.tolist()] for x, _ in batches]

        alone = data.batches(3, seed=1)
        epochs = [seen(alone) for _ in range(3)]
        self.assertEqual(alone.epoch, 3)
        self.assertNotEqual(epochs[0], epochs[1])
        batches = data.batches(3, seed=1)
        one, two = iter(batches), iter(batches)  # the first is epoch 0, whoever begins to read
        pairs = [(b, a) for b, a in zip(two, one)]
        self.assertEqual([seen([a for _, a in pairs]), seen([b for b, _ in pairs])], epochs[:2])
        self.assertEqual(batches.position, (1, 10))
        third = iter(batches)
        next(third)
        self.assertEqual(batches.position, (2, 3))
        outer = [(seen([a]), [seen([b]) for b in data.batches(5, shuffle=False)]) for a in data.batches(5, shuffle=False)]
        self.assertEqual(len(outer[0][1]) * len(outer), 4)
        batches.close()
        self.assertRaises(sixnet.BadStateError, next, third)

    def test_targets_of_another_shape(self):
        """Every call reports the library's message, which names the remedy."""
        x, t = some_data()
        rows = [[float(i == c) for i in range(3)] for c in t]
        probabilities = SMALL + " targets=probabilities"
        for text, targets, hint in ((SMALL, rows, "if they are probabilities, .* 'cross_entropy targets=probabilities'"),
                                    (probabilities, t, "if they are class numbers, .* 'one_hot num_classes=3'")):
            net, exact = sixnet.Model(text), sixnet.Model(text, sixnet.Context(dtype="f64"))
            net.forward(x)
            good = t if text is SMALL else rows
            for call in (lambda: net.fit(x, targets), lambda: net.evaluate(x, targets), lambda: net.fit(x, good, validation=(x, targets)),
                         lambda: net.loss(targets), lambda: exact.gradient_check(x, targets)):
                self.assertRaisesRegex(sixnet.BadShapeError, hint, call)
            self.assertTrue(math.isfinite(net.loss(good)))
            self.assertRaisesRegex(sixnet.BadShapeError, "there are 64 inputs, but 63 targets", net.fit, x, good[:63])

    def test_datasets_in_double(self):
        near = 1 + 2.0 ** -50
        for name, data in (("arrays", lambda ctx: sixnet.Dataset([[near]] * 3, [0.1] * 3, context=ctx)),
                           ("function", lambda ctx: sixnet.Dataset.from_function(lambda i: ([near], 0.1), 3, (1,), context=ctx))):
            with self.subTest(name):
                wide = data(sixnet.Context(dtype="f64"))
                self.assertEqual((wide.dtype, wide[0][0].tolist(), wide[0][1].tolist()), ("f64", [near], [0.1]))
                (x, t), = wide.batches(3)
                self.assertEqual((x.tolist(), t.tolist()), ([[near]] * 3, [[0.1]] * 3))
                self.assertEqual(wide.split(1)[1][0][0].tolist(), [near])
                self.assertEqual((data(None).dtype, data(None)[0][0].tolist()), ("f32", [1.0]))
        function = sixnet.Dataset.from_function(lambda i: ([1.6e9 + 10 * i], 0), 3, (1,), dtype="f64")
        for times in (function, sixnet.Dataset([[1.6e9], [1.6e9 + 10], [1.6e9 + 20]])):
            times.add_transform("normalize mean=1.6e9 std=10")
            self.assertEqual([times[i][0].tolist() for i in range(3)], [[0.0], [1.0], [2.0]])
        with self.assertRaisesRegex(sixnet.InvalidArgumentError, "'f32' or 'f64'"):
            sixnet.Dataset.from_function(lambda i: ([0], 0), 1, (1,), dtype="f16")

    def test_log_and_settings(self):
        with sixnet.Context("dtype=f64", threads=2, seed=7, log=lambda level, line: None) as context:
            self.assertEqual((context.dtype, context.threads, context.seed), ("f64", 2, 7))
            self.assertIn("dtype=f64 threads=2 seed=7", repr(context))
            self.assertEqual(context.max_memory, 0)
        with sixnet.Context(max_memory=1 << 20) as context:
            self.assertEqual(context.max_memory, 1 << 20)
            with self.assertRaisesRegex(MemoryError, "max_memory=1048576"):
                sixnet.Model("input shape=1000\nlinear out_features=1000000", context)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "a folder, 100% é"
        self.folder.mkdir()
        self.net = sixnet.Model(SMALL)
        self.x, self.t = some_data()

    def test_path(self):
        path = self.folder / "net.safetensors"
        for given in (path, str(path)):
            self.net.save(given, sync=False)
            self.assertEqual(sixnet.Model.load(given).digest(), self.net.digest())
        with self.assertRaisesRegex(OSError, "no such"):
            sixnet.Model.load(self.folder / "no such")
        path.write_bytes(b"nonsense")
        with self.assertRaises(sixnet.BadFileError):
            sixnet.Model.load(path)
        with self.assertRaises(ValueError):
            self.net.save("a\0b")

    def test_files_and_bytes(self):
        file = io.BytesIO()
        self.net.save(file)
        file.seek(0)
        loaded = sixnet.Model.load(file, sixnet.Context(threads=2))
        self.assertEqual((loaded.digest(), loaded.output_shape), (self.net.digest(), (3,)))
        self.assertEqual(sixnet.Model.load(file.getvalue()).digest(), self.net.digest())
        other = sixnet.Model(SMALL + " name=loss")
        other.reset(9)
        self.assertEqual(other.load_weights(file.getvalue()), "")
        self.assertEqual(other.digest(), self.net.digest())
        fewer = sixnet.Model("input shape=4\nlinear out_features=8\nlinear out_features=2 name=new")
        self.assertRegex(fewer.load_weights(file.getvalue(), strict=False), "missing: new.weight.*\nunexpected: linear2")
        with self.assertRaises(sixnet.SixnetError):
            fewer.load_weights(file.getvalue())

    def test_files_that_raise(self):
        class Bad(io.RawIOBase):
            def write(self, data):
                raise LookupError("write")

            def read(self, size=-1):
                raise LookupError("read")

        with self.assertRaisesRegex(LookupError, "write"):
            self.net.save(Bad())
        with self.assertRaisesRegex(LookupError, "read"):
            sixnet.Model.load(Bad())

    def fit(self, **options):
        net = sixnet.Model(SMALL)
        history = net.fit(self.x, self.t, optimizer="adam lr=0.01", epochs=4, **options)
        return net.digest(), len(history)

    def test_files_that_lie(self):
        whole = io.BytesIO()
        self.net.save(whole)

        class Strange:
            def __init__(self, answer):
                self.answer = answer

            def read(self, size):
                return self.answer

            write = read

        for answer, error in ((bytes(2**24), OSError), ("text" * 2**20, TypeError), (None, TypeError), (5, TypeError), ([0] * 2**20, TypeError)):
            with self.subTest(answer=type(answer)), self.assertRaisesRegex(error, r"the file's read\("):
                sixnet.Model.load(Strange(answer))
        for answer in (0, -1, 2**40, "3", 2.0):
            with self.subTest(answer=answer), self.assertRaisesRegex(OSError, r"the file's write\("):
                self.net.save(Strange(answer))
        parts = []

        class Uncounted:
            def write(self, data):
                parts.append(bytes(data))

        class Nonblocking(Uncounted, io.RawIOBase):
            pass

        self.net.save(Uncounted())
        self.assertEqual(b"".join(parts), whole.getvalue())
        self.assertRaises(OSError, self.net.save, Nonblocking())
        whole.seek(0)
        self.assertEqual(sixnet.Model.load(whole).digest(), self.net.digest())

    def test_an_interrupted_fit_is_resumed(self):
        path = self.folder / "run"
        whole, _ = self.fit()
        self.fit(checkpoint=path, progress=lambda p: p.epoch == 2 and p.batch == 1)
        self.assertEqual(self.fit(resume=str(path)), (whole, 3))

    def test_averages(self):
        path = self.folder / "run"
        plain, _ = self.fit()
        for options in {"average": "ema", "ema_decay": 0.9}, {"average": "swa", "average_start_epoch": 2}:
            whole, _ = self.fit(**options)
            self.assertNotEqual(whole, plain)
            self.fit(checkpoint=path, progress=lambda p: p.epoch == 3 and p.batch == 1, **options)
            self.assertEqual(self.fit(resume=path, **options), (whole, 2))
            with self.assertRaisesRegex(sixnet.SixnetError, "not with 'average=none'"):
                self.fit(resume=path)

    def test_checkpoint_of_the_open_loop(self):
        def start():
            net = sixnet.Model(SMALL)
            return net, sixnet.Optimizer(net, "adam lr=0.01"), sixnet.Dataset(self.x, self.t).batches(16, seed=3)

        def train(net, optimizer, batches):
            for x, t in batches:
                net.zero_grad()
                net.forward(x)
                net.loss(t)
                net.backward()
                optimizer.step()

        one, two = start(), start()
        for _ in range(2):
            train(*one)
        train(*two)
        for i, (x, t) in enumerate(two[2]):
            train(two[0], two[1], [(x, t)])
            if i == 1:
                break
        path = self.folder / "checkpoint"
        two[1].save_checkpoint(path, two[2])
        self.assertEqual(two[2].position, (1, 32))
        three = start()
        three[1].load_checkpoint(path, three[2])
        train(*three)
        self.assertEqual((three[0].digest(), three[2].epoch), (one[0].digest(), 2))


class Records(unittest.TestCase):
    """What fit(run_dir=FOLDER) writes, and that the program sixnet repeats it."""

    NET = SMALL.replace("tanh", "tanh\ndropout p=0.2")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "a record, 100% é"
        self.x, self.t = some_data()

    def fit(self, net, *data, **options):
        given = {"optimizer": "adam lr=0.02", "schedule": "step_lr step_size=2", "epochs": 4, "batch_size": 10, "run_dir": self.folder}
        return net.fit(*(data or (self.x, self.t)), **{**given, **options})

    def rerun(self, folder):
        tool = pathlib.Path(os.environ.get("SIXNET_BUILD", "")) / "tools/sixnet/sixnet"
        if not tool.exists():
            self.skipTest("the program sixnet is not built")
        result = subprocess.run([tool, "rerun", folder, "--quiet", "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, timeout=120)
        return result.stdout + result.stderr

    def test_repeated(self):
        for name, dtype, options in (
            ("plain", "f32", {}),
            ("f64", "f64", {"schedule": None}),
            ("options", "f32", {"shuffle": False, "drop_last": True, "on_nan": "skip", "checkpoint_keep": 2}),
            ("averaged and validated", "f32", {"seed": 9, "validation": some_data(32, seed=1), "average": "ema"}),
            ("shards", "f32", {"shards": 2}),
        ):
            with self.subTest(name):
                folder, net = self.folder.with_name(name), sixnet.Model(self.NET, sixnet.Context(seed=5, dtype=dtype))
                self.assertEqual(len(self.fit(net, run_dir=folder, **options)), 4)
                result = dict(line.split("=", 1) for line in (folder / "result.txt").read_text().splitlines())
                self.assertEqual((result["digest"], result["isa"], result["epochs"]), (net.digest(), net.context.isa, "4"))
                self.assertEqual(sixnet.Model.load(folder / "model.safetensors", net.context).digest(), net.digest())
                self.assertEqual(len((folder / "history.csv").read_text().splitlines()), 5)
                moved = folder.with_name(name + ", moved")
                folder.rename(moved)
                self.assertIn("the same bits", self.rerun(moved))

    def test_planted_links(self):
        """Into a folder that others can write to: links there are not followed."""
        self.folder.mkdir()
        crash_target = self.folder.with_name("crash_target")
        crash_target.write_text("mine")
        for name in ("data.npy", "settings.txt", "history.csv", "result.txt"):
            (self.folder / name).symlink_to(crash_target)
            with self.assertRaises(sixnet.SixnetError) as caught:
                self.fit(sixnet.Model(self.NET))
            self.assertIn("a record already" if name == "result.txt" else "symbolic link", str(caught.exception))
            for path in self.folder.iterdir():
                path.unlink()
            os.link(crash_target, self.folder / ("settings.txt" if name == "result.txt" else name))
            self.fit(sixnet.Model(self.NET))
            self.assertEqual(crash_target.read_text(), "mine")
            for path in self.folder.iterdir():
                path.unlink()

    def test_samples_of_a_dataset(self):
        data = sixnet.Dataset(self.x, self.t, shape=[4], target_shape=[1]).add_transform("normalize mean=0.1 std=0.5").split(40)[0]
        net = sixnet.Model.load(self.saved())
        self.fit(net, data)
        self.assertIn("the same bits", self.rerun(self.folder))

    def test_augmented(self):
        net = sixnet.Model(self.NET.replace("shape=4", "shape=1x2x2\nflatten"))
        self.fit(net, augment=["random_affine degrees=20 translate=0.2", "normalize mean=0.1 std=2"])
        self.assertIn("augment=random_affine degrees=20 translate=0.2\naugment=normalize", (self.folder / "settings.txt").read_text())
        self.assertIn("the same bits", self.rerun(self.folder))

    def test_augmented_in_double(self):
        self.x = [[1.6e9 + row[0], *row[1:]] for row in self.x]
        net = sixnet.Model(self.NET.replace("shape=4", "shape=1x2x2\nflatten"))
        self.fit(net, augment=["normalize mean=1.6e9 std=1", "random_horizontal_flip"])
        self.assertIn("the same bits", self.rerun(self.folder))

    def saved(self):
        """A model whose values no seed gives."""
        net, path = sixnet.Model(self.NET), self.folder.with_name("begin.safetensors")
        net.fit(self.x, self.t)
        net.save(path)
        return path

    def test_interrupted(self):
        whole = sixnet.Model(self.NET)
        self.fit(whole, run_dir=None)
        self.fit(sixnet.Model(self.NET), progress=lambda p: p.epoch == 2 and p.batch == 3)
        self.assertFalse((self.folder / "result.txt").exists())
        net = sixnet.Model(self.NET)
        self.fit(net, resume=self.folder / "checkpoint.safetensors")
        self.assertEqual(net.digest(), whole.digest())
        self.assertIn("the same bits", self.rerun(self.folder))

    def test_stopped_at_the_last_end(self):
        """There the net is not yet the average; a run that goes on has no epoch to do, and makes it so."""
        options = {"epochs": 3, "average": "ema"}
        stopped, net = sixnet.Model(self.NET), sixnet.Model(self.NET)
        self.assertEqual(len(self.fit(stopped, progress=lambda p: p.epoch_end and p.epoch == 3, **options)), 3)
        self.assertFalse((self.folder / "result.txt").exists())
        self.assertEqual(self.fit(net, resume=self.folder / "checkpoint.safetensors", **options), [])
        self.assertNotEqual(net.digest(), stopped.digest())
        self.assertIn("the same bits", self.rerun(self.folder))

    def test_nothing_left(self):
        self.fit(sixnet.Model(self.NET))
        made = {path: path.read_bytes() for path in self.folder.iterdir()}
        self.assertEqual(self.fit(sixnet.Model(self.NET), resume=self.folder / "checkpoint.safetensors"), [])
        self.assertEqual([path.name for path, was in made.items() if path.read_bytes() != was], [])

    def test_refused(self):
        net = sixnet.Model(self.NET)
        for wrong, options in (("history of its own", {"optimizer": sixnet.Optimizer(net, "sgd lr=0.1"), "schedule": None}),
                               ("checkpoint of its own", {"checkpoint": "x"})):
            with self.assertRaisesRegex(sixnet.InvalidArgumentError, wrong):
                self.fit(net, **options)
        at_random = sixnet.Dataset(self.x, self.t, shape=[1, 2, 2], target_shape=[1]).add_transform("random_affine degrees=5")
        with self.assertRaisesRegex(sixnet.InvalidArgumentError, "at random"):
            self.fit(net, at_random)
        self.assertFalse(self.folder.exists())
        self.fit(net)
        with self.assertRaisesRegex(sixnet.InvalidArgumentError, "has a record already"):
            self.fit(sixnet.Model(self.NET))
        for trained in (net, net.copy()):
            with self.assertRaisesRegex(sixnet.InvalidArgumentError, "trained before"):
                self.fit(trained, run_dir=self.folder.with_name("another"))


class Callbacks(unittest.TestCase):
    def setUp(self):
        self.net, (self.x, self.t) = sixnet.Model(SMALL), some_data()

    def test_progress_raises(self):
        calls = []

        def progress(p):
            calls.append(p)
            raise ZeroDivisionError("mine")

        try:
            self.net.fit(self.x, self.t, epochs=5, progress=progress)
            self.fail("nothing was raised")
        except ZeroDivisionError as error:
            self.assertEqual(str(error), "mine")
            self.assertEqual(traceback.extract_tb(error.__traceback__)[-1].name, "progress")
        self.assertEqual(len(calls), 1)
        self.net.fit(self.x, self.t)

    def test_log_raises(self):
        lines = []

        def log(level, line):
            lines.append((level, line))
            raise LookupError("log")

        net = sixnet.Model("input shape=4\nlinear out_features=3\nmse", sixnet.Context(log=log))
        spoilt = [*self.x[:60], *[[math.nan] * 4] * 4]
        with self.assertRaisesRegex(LookupError, "log"):
            net.fit(spoilt, [[0] * 3] * 64, optimizer="sgd lr=0.01", batch_size=8, on_nan="skip")
        self.assertEqual([level for level, _ in lines], [1])
        self.assertIn("the batch is skipped", lines[0][1])
        net.fit(self.x, [[0] * 3] * 64)

    def test_keyboard_interrupt_of_progress(self):
        def progress(p):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.net.fit(self.x, self.t, epochs=5, progress=progress)

    @unittest.skipUnless(threading.current_thread() is threading.main_thread(), "signals come to the main thread")
    def test_control_c(self):
        handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for progress in (None, lambda p: sum(range(1000)) < 0):
                before = self.net.digest()
                timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
                timer.start()
                began = time.monotonic()
                with self.assertRaises(KeyboardInterrupt):
                    self.net.fit(self.x, self.t, optimizer="sgd lr=1e-3", epochs=10**8, progress=progress)
                self.assertLess(time.monotonic() - began, 10)
                self.assertNotEqual(self.net.digest(), before)
                self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)
                timer.join()
        finally:
            signal.signal(signal.SIGINT, handler)

    @unittest.skipUnless(threading.current_thread() is threading.main_thread(), "signals come to the main thread")
    def test_control_c_of_a_long_call(self):
        """That does not come back to Python: a gradient check of 250,000 parameters."""
        net = sixnet.Model("input shape=500\nlinear out_features=500\nlinear out_features=1\nmse")
        handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            began = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                net.gradient_check([[0.1] * 500] * 16, [[1.0]] * 16)
            self.assertLess(time.monotonic() - began, 10)
            timer.join()
            self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)
            self.assertEqual(signal.set_wakeup_fd(-1), -1)
            self.assertEqual(len(net.predict([[0.1] * 500] * 5000)), 5000)  # not cancelled any more
        finally:
            signal.signal(signal.SIGINT, handler)

    @unittest.skipUnless(threading.current_thread() is threading.main_thread(), "signals come to the main thread")
    def test_control_c_of_one_sample(self):
        """The call is cancelled while the library is at work on its only sample, and with it the call that it was made in."""
        cancelled = []

        def forward(call, x):
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                if all(held.cancelled for held in sixnet._watcher.calls):
                    break
                time.sleep(0.01)
            cancelled.append([held.cancelled for held in sixnet._watcher.calls])
            return x

        context = sixnet.Context()
        context.register_layer("signal", forward)
        net = sixnet.Model("input shape=4\nsignal\nlinear out_features=3", context)
        predictor, fit = sixnet.Predictor(net), self.net.fit
        calls = [(lambda: net.predict([[0.1] * 4]), 1), (lambda: predictor.predict([[0.1] * 4]), 1),
                 (lambda: fit(self.x, self.t, progress=lambda p: net.predict([[0.1] * 4]), epochs=10**6), 2)]
        outer = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for call, depth in calls:
                with self.assertRaises(KeyboardInterrupt):
                    call()
                self.assertEqual(cancelled.pop(), [True] * depth)
                self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)
                self.assertEqual(signal.set_wakeup_fd(-1), -1)
            self.assertEqual(len(self.net.predict(self.x)), 64)  # no model is cancelled any more
        finally:
            signal.signal(signal.SIGINT, outer)

    @unittest.skipUnless(threading.current_thread() is threading.main_thread(), "signals come to the main thread")
    def test_signals_of_an_event_loop(self):
        """What waits for signals by a file of its own gets those that come during a call."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        handlers = {number: signal.signal(number, handler) for number, handler in (
            (signal.SIGINT, signal.default_int_handler), (signal.SIGUSR1, lambda number, frame: None))}
        signal.set_wakeup_fd(writer)
        try:
            self.net.fit(self.x, self.t, progress=lambda p: os.kill(os.getpid(), signal.SIGUSR1))
            self.assertEqual(os.read(reader, 1), bytes([signal.SIGUSR1]))
            self.assertEqual(sixnet._watcher.others, -1)  # nothing is written to the file when it is closed, or another's
        finally:
            self.assertEqual(signal.set_wakeup_fd(-1), writer)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)

    def test_findings_and_history(self):
        log = []
        net = sixnet.Model("input shape=4\nlinear out_features=8\nrelu\nlinear out_features=3\ncross_entropy",
                           sixnet.Context(log=lambda level, line: log.append(line)))
        self.assertEqual((net.history, net.diagnostics), ([], []))
        net["linear1.bias"] = [-100.0] * 8
        reports = net.fit(self.x, self.t, epochs=2, diagnostics=True, validation=(self.x, self.t))
        self.assertEqual(net.history, [sixnet.Epoch(p.lr, p.loss, p.accuracy, p.validation_loss, p.validation_accuracy) for p in reports])
        dead = net.diagnostics[0]
        self.assertEqual((dead.name, dead.node, dead.epoch), ("dead_relu", "relu1", 1))
        self.assertIn(dead.remedy, dead.text)
        self.assertEqual(log, [f.text for f in net.diagnostics])

    def test_on_nan(self):
        x = [list(row) for row in self.x]
        x[3][1] = math.nan
        with self.assertRaises(sixnet.NotFiniteError):
            self.net.fit(x, self.t, batch_size=16, diagnostics=True, shuffle=False)
        self.assertEqual([(f.name, f.node, f.batch) for f in self.net.diagnostics], [("input_not_finite", self.net.nodes[0].name, 1)])
        report = self.net.fit(x, self.t, batch_size=16, on_nan="skip")[0]
        self.assertEqual((report.skipped, report.samples), (16, len(x)))

    def test_dataset_of_a_function(self):
        data = sixnet.Dataset.from_function(lambda i: (self.x[i], self.t[i]), 64, (4,))
        self.assertEqual(self.net.evaluate(data), self.net.evaluate(self.x, self.t))
        self.assertEqual(data[3][1].tolist(), [self.t[3]])

        def fails(index):
            if index == 40:
                raise LookupError("sample 40")
            return self.x[index], self.t[index]

        bad = sixnet.Dataset.from_function(fails, 64, (4,))
        for call in (lambda: self.net.fit(bad), lambda: self.net.evaluate(bad), lambda: bad[40], lambda: list(bad.batches(7))):
            with self.assertRaisesRegex(LookupError, "sample 40"):
                call()
        wrong = sixnet.Dataset.from_function(lambda i: ([1, 2], 0), 2, (4,))
        with self.assertRaisesRegex(sixnet.BadShapeError, "the input of sample 0"):
            wrong[0]

    def test_an_exception_stays_in_its_thread(self):
        errors = []

        def work():
            try:
                self.net.fit(self.x, self.t, progress=lambda p: 1 / 0)
            except ZeroDivisionError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.net.fit(self.x, self.t)
        self.assertEqual(len(errors), 1)


class SettingsOfTensors(unittest.TestCase):
    def test_frozen(self):
        x, t = [[0.5, -1, 2, 0.25], [1, 0.5, -0.5, 2]] * 8, [0, 2] * 8
        net = sixnet.Model(SMALL)
        net.set_tensors("linear1.*", trainable=False)
        before = {name: net[name].tolist() for name in net}
        net.fit(x, t, optimizer="adam lr=0.1", epochs=2)
        self.assertEqual([net[name].tolist() == before[name] for name in net], [True, True, False, False])
        self.assertIn("tensors match=linear1.* trainable=false", net.text)
        self.assertEqual(net.tensor_setting("linear1.bias", "trainable"), 0)
        net.set_tensors("linear1.*", trainable=True)
        net.fit(x, t, optimizer="adam lr=0.1", epochs=2)
        self.assertTrue(all(net[name].tolist() != before[name] for name in net))

    def test_rate_and_decay(self):
        net = sixnet.Model("input shape=2\nlinear out_features=1 bias=false name=a\nlinear out_features=1 bias=false name=b\nmse")
        net.set_tensors("a.weight", lr_scale=0.5, weight_decay=0)
        self.assertEqual([net.tensor_setting("a.weight", key) for key in ("trainable", "lr_scale", "weight_decay")], [1, 0.5, 0])
        self.assertEqual([net.tensor_setting("b.weight", key) for key in ("trainable", "lr_scale", "weight_decay")], [1, 1, -1])
        net["a.weight"], net["b.weight"] = [[1, 2]], [[4]]
        optimizer = sixnet.Optimizer(net, "sgd lr=0.5 weight_decay=1")
        net.forward([[1, 1]])
        net.loss([[8]])  # the output is 12, its gradient 2 * 4
        net.backward()
        optimizer.step()
        self.assertEqual(net["a.weight"].tolist(), [[1 - 0.25 * 32, 2 - 0.25 * 32]])
        self.assertEqual(net["b.weight"].tolist(), [[4 - 0.5 * (24 + 4)]])

    def test_errors(self):
        net = sixnet.Model(SMALL)
        with self.assertRaisesRegex(KeyError, "names no tensor"):
            net.set_tensors("conv1.*", trainable=False)
        with self.assertRaisesRegex(ValueError, "sets nothing"):
            net.set_tensors("linear1.*")
        optimizer = sixnet.Optimizer(net, "sgd lr=0.1")
        with self.assertRaisesRegex(sixnet.BadStateError, "has an optimizer"):
            net.set_tensors("linear1.*", trainable=False)
        optimizer.close()
        for name, key in (("conv1.weight", "lr_scale"), ("linear1.weight", "momentum")):
            self.assertRaisesRegex(KeyError, "conv1|momentum", net.tensor_setting, name, key)

    def test_shared(self):
        net = sixnet.Model("input shape=3 name=x\nlinear out_features=3 name=a\ntanh\nlinear out_features=3 name=b share=a\nmse")
        self.assertEqual(list(net), ["a.weight", "a.bias"])
        self.assertEqual(net["b.weight"].tolist(), net["a.weight"].tolist())


@needs_numpy
class CustomLayers(unittest.TestCase):
    def several(self, **functions):
        """A context with a layer of two outputs, the sine and the cosine of the input's sums and values."""
        def setup(given):
            given.output("cosine", given.inputs[0])
            return (1,)

        def forward(call, x):
            return np.sin(x.sum(1, keepdims=True)), np.cos(x)

        def backward(call, dy, x):
            (sine, cosine), (dsine, dcosine) = call.output, dy
            assert np.allclose(sine, np.sin(x.sum(1, keepdims=True)))
            return dsine * np.cos(x.sum(1, keepdims=True)) - dcosine * np.sin(x)

        context = sixnet.Context(dtype="f64")
        context.register_layer("waves", functions.get("forward", forward), functions.get("backward", backward), setup=setup)
        return context

    def test_several_outputs(self):
        x = np.random.default_rng(0).normal(size=(20, 3))
        net = sixnet.Model("input shape=3\nlinear out_features=4\nwaves name=w\nconcat from=w,w:cosine\nmse", self.several())
        self.assertLess(net.gradient_check(x, np.zeros((20, 5))).worst, 1e-8)
        node = net.nodes[net.find("w")]
        self.assertEqual((node.shape, node.outputs), ((1,), ((1,), (4,))))
        self.assertEqual(net.node_output("w", "cosine"), net.node_output(node.index, 1))
        self.assertEqual(net.node_output("w", "output"), node.index)
        for output in ("sine", 2, -1):
            self.assertRaisesRegex(KeyError, "has no output", net.node_output, "w", output)
        self.assertRaisesRegex(KeyError, "there is no node 'v'", net.node_output, "v", 0)

    def test_outputs_as_nodes(self):
        x = np.random.default_rng(0).normal(size=(20, 3))
        net = sixnet.Model(context=self.several())
        waves = net.add("waves name=w", net.add("input shape=3"))
        net.add("linear out_features=2", "w:cosine")
        net.retain("w:0")
        net.retain(net.node_output(waves, "cosine"))
        self.assertIn("from=w:cosine", net.nodes[-1].spec)
        for twin in (net, copy.copy(net)):
            twin.compile()
            twin.forward(x)
            np.testing.assert_allclose(twin.node_values("w"), np.sin(x.sum(1, keepdims=True)))
            np.testing.assert_allclose(twin.node_values("w:cosine"), np.cos(x))
            twin.backward(np.ones((20, 2)))
            np.testing.assert_allclose(twin.node_gradient("w:cosine"), np.tile(twin["linear1.weight"].sum(0), (20, 1)))

    def test_wrong_outputs(self):
        x = np.zeros((4, 3))
        for given, words in (
            (lambda call, x: np.cos(x), "expected a tuple of 2 outputs"),
            (lambda call, x: (x, x, x), "forward returned 3 outputs, expected a tuple of 2 outputs"),
            (lambda call, x: (x[:, :1], x[:, :1]), r"output 1 that forward returned has the shape \(4, 1\), not \(4, 3\)"),
        ):
            net = sixnet.Model("input shape=3\nwaves name=w\nlinear out_features=1 from=w:cosine", self.several(forward=given))
            self.assertRaisesRegex(sixnet.BadShapeError, words, net.predict, x)

    def register(self, context, name="power", dtype=None):
        def setup(s):
            if s["order"] < 1:
                raise ValueError("order must be 1 or more")
            s.parameter("weight", s.inputs[0], low=0.5, high=1.5)

        def forward(call, x, w):
            return x ** call["order"] * w

        def backward(call, dy, x, w):
            n = call["order"]
            return dy * w * n * x ** (n - 1), (dy * x ** n).sum(0)

        context.register_layer(name, forward, backward, setup=setup, dtype=dtype, order=2)

    def test_gradients(self):
        for dtype in (None, "f64"):
            context = sixnet.Context(dtype="f64", threads=2)
            self.register(context, dtype=dtype)
            net = sixnet.Model("input shape=4\nlinear out_features=5\npower order=3 name=p\nlinear out_features=3\ncross_entropy", context)
            x, t = some_data(37)
            self.assertLess(net.gradient_check(x, t).worst, 1e-8)
            self.assertEqual(net["p.weight"].shape, (5,))
            self.assertIn("power order=3 name=p", net.text)

    def test_other_dtype(self):
        nets = []
        for dtype in ("f32", "f64"):
            context = sixnet.Context()
            self.register(context, dtype=dtype)
            nets.append(sixnet.Model("input shape=4\npower\nmse", context))
        x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
        np.testing.assert_allclose(nets[0].predict(x), nets[1].predict(x), rtol=1e-6)
        for net in nets:
            net.forward(x)
            net.loss(np.zeros((20, 4), np.float32))
            net.backward()
        np.testing.assert_allclose(nets[0].gradient("power1.weight"), nets[1].gradient("power1.weight"), rtol=1e-5)

    def test_several_inputs_and_a_shape(self):
        context = sixnet.Context(dtype="f64")

        def backward(call, dy, a, b):
            return np.einsum("nij,nj->ni", dy, b), np.einsum("nij,ni->nj", dy, a)

        context.register_layer("outer", lambda call, a, b: np.einsum("ni,nj->nij", a, b), backward, setup=lambda s: s.inputs[0] + s.inputs[1])
        net = sixnet.Model("input shape=2 name=x\nlinear out_features=3 name=a\nlinear out_features=2 name=b from=x\nouter from=a,b\nmse", context)
        self.assertEqual(net.output_shape, (3, 2))
        rng = np.random.default_rng(0)
        self.assertLess(net.gradient_check(rng.normal(size=(18, 2)), rng.normal(size=(18, 3, 2))).worst, 1e-8)

    def test_output_and_mode(self):
        context = sixnet.Context(dtype="f64")
        modes = set()

        def forward(call, x):
            modes.add((call.training, call.samples))
            return np.exp(x)

        context.register_layer("exponential", forward, lambda call, dy, x: dy * call.output)
        net = sixnet.Model("input shape=2\nlinear out_features=2\nexponential\nmse", context)
        net.predict(np.zeros((20, 2)))
        self.assertEqual(modes, {(False, 16), (False, 4)})
        self.assertLess(net.gradient_check(np.ones((3, 2)), np.zeros((3, 2))).worst, 1e-8)
        self.assertIn((True, 3), modes)

    def test_nodes_of_different_shapes(self):
        context = sixnet.Context(dtype="f64")
        self.register(context)
        net = sixnet.Model("input shape=4\npower\nlinear out_features=5\npower order=3\nmse", context)
        x, _ = some_data(20)
        self.assertLess(net.gradient_check(x, np.zeros((20, 5))).worst, 1e-8)

    def test_it_learns(self):
        context = sixnet.Context(threads=2)
        self.register(context)
        net = sixnet.Model("input shape=4\nlinear out_features=8\npower\nlinear out_features=3\ncross_entropy", context)
        x, t = some_data(256)
        self.assertGreater(net.fit(x, t, optimizer="adam lr=0.02", epochs=20)[-1].accuracy, 0.9)

    def test_exceptions(self):
        context = sixnet.Context()
        fails = {"setup": False, "forward": False, "backward": False}

        def may_fail(name, value=None):
            if fails[name]:
                raise LookupError(name)
            return value

        context.register_layer("touchy", lambda call, x: may_fail("forward", x), lambda call, dy, x: may_fail("backward", dy),
                         setup=lambda s: may_fail("setup"))
        text = "input shape=4\nlinear out_features=3\ntouchy\ncross_entropy"
        net, (x, t) = sixnet.Model(text, context), some_data()
        steps = {"setup": lambda: sixnet.Model(text, context), "forward": lambda: net.predict(x), "backward": lambda: net.fit(x, t)}
        for name, step in steps.items():
            fails[name] = True
            with self.assertRaisesRegex(LookupError, name):
                step()
            fails[name] = False
            step()

    def test_setup_refuses(self):
        context = sixnet.Context()
        self.register(context)
        with self.assertRaisesRegex(ValueError, "order must be 1 or more"):
            sixnet.Model("input shape=4\npower order=0", context)
        net = sixnet.Model(context=context)
        net.add("input shape=4")
        with self.assertRaisesRegex(ValueError, "order must be 1 or more"):
            net.add("power", order=0.5)
        with self.assertRaisesRegex(sixnet.BadShapeError, "power1: order must be 1 or more"):
            net.compile()

    def test_kept_too_long(self):
        kept, context = [], sixnet.Context()
        context.register_layer("keep", lambda call, x: kept.append(call) or x, setup=kept.append, a=1)
        sixnet.Model("input shape=3\nkeep", context).predict([[1, 2, 3]])
        setup, call = kept
        for use in (lambda: setup["a"], lambda: setup.parameter("w", (3,)), lambda: call["a"], lambda: call.output):
            self.assertRaisesRegex(sixnet.BadStateError, "is valid until", use)
        context.register_layer("asks", lambda call, x: x * call["b"], a=1)
        self.assertRaisesRegex(KeyError, "no attribute 'b'", sixnet.Model("input shape=3\nasks", context).predict, [[1, 2, 3]])

    def test_an_exception_without_a_text(self):
        class Mute(Exception):
            def __str__(self):
                raise ValueError

        def setup(given):
            raise Mute

        context = sixnet.Context()
        context.register_layer("mute", lambda call, x: x, setup=setup)
        self.assertRaises(Mute, sixnet.Model, "input shape=3\nmute", context)

    def test_wrong_results(self):
        context = sixnet.Context()
        context.register_layer("short", lambda call, x: x[:, :2], lambda call, dy, x: dy)
        context.register_layer("many", lambda call, x: x, lambda call, dy, x: (dy, dy))
        x, t = some_data()
        with self.assertRaisesRegex(sixnet.BadShapeError, r"short: what forward returned has the shape \(16, 2\), not \(16, 4\)"):
            sixnet.Model("input shape=4\nshort", context).predict(x)
        with self.assertRaisesRegex(sixnet.BadShapeError, "backward returned 2 gradients, not 1"):
            sixnet.Model("input shape=4\nlinear out_features=3\nmany\ncross_entropy", context).fit(x, t)

    def test_without_backward(self):
        context = sixnet.Context()
        context.register_layer("twice", lambda call, x: 2 * x)
        net = sixnet.Model("input shape=4\nlinear out_features=3\ntwice\ncross_entropy", context)
        x, t = some_data()
        net.predict(x)
        with self.assertRaisesRegex(sixnet.BadStateError, "twice1: the layer 'twice' has no backward function"):
            net.fit(x, t)

    def test_names(self):
        context = sixnet.Context()
        self.register(context)
        for name in ("power", "relu", "mse", "2nd", "a b", ""):
            with self.assertRaises(ValueError, msg=name):
                self.register(context, name)


class ForkAndThreads(unittest.TestCase):
    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_fork(self):
        x, t = some_data(256)
        net = sixnet.Model(SMALL, sixnet.Context(threads=2))
        net.fit(x, t)
        copy = sixnet.Model(net.text)
        copy.load_state_dict(net.state_dict())
        copy.fit(x, t, optimizer="sgd lr=0.1", epochs=2)
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of the context's threads
            child = os.fork()
        if child == 0:
            try:
                net.fit(x, t, optimizer="sgd lr=0.1", epochs=2)
                os.write(write, net.digest().encode())
                net.close()
                del net
                gc.collect()
            finally:
                os._exit(0)
        os.close(write)
        digest = b""
        while len(digest) < 64:
            part = os.read(read, 64)
            if not part:
                break
            digest += part
        os.close(read)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        net.fit(x, t, optimizer="sgd lr=0.1", epochs=2)
        self.assertEqual((digest.decode(), net.digest()), (copy.digest(), copy.digest()))

    def in_threads(self, work, count=4):
        results, errors = [None] * count, []

        def run(i):
            try:
                results[i] = work(i)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        return results

    def test_models_of_one_context(self):
        context, (x, t) = sixnet.Context(threads=2), some_data(128)
        alone = sixnet.Model(SMALL, context)
        alone.fit(x, t, epochs=10)

        def work(i):
            with sixnet.Model(SMALL, context) as net:
                net.fit(x, t, epochs=10, progress=lambda p: None)
                return net.digest()

        self.assertEqual(self.in_threads(work), [alone.digest()] * 4)

    def test_one_model(self):
        net, (x, t) = sixnet.Model(SMALL), some_data(500)
        wanted = net.predict(x).tolist()
        self.assertEqual(self.in_threads(lambda i: [net.predict(x).tolist() for _ in range(20)][-1]), [wanted] * 4)

    def test_predictors(self):
        net, (x, t) = sixnet.Model(SMALL), some_data(500)
        wanted = net.predict(x).tolist()

        def work(i):
            with sixnet.Predictor(net) as predictor:
                return [predictor.predict(x).tolist() for _ in range(20)][-1]

        self.assertEqual(self.in_threads(work), [wanted] * 4)
        predictor = sixnet.Predictor(net)
        self.assertEqual(predictor.memory, sixnet.Predictor(net).memory)
        self.assertGreater(predictor.memory, 16 * 4 * 2)
        net.fit(x, t)
        self.assertEqual(predictor.predict(array("d", x[0])).tolist(), net.predict(array("d", x[0])).tolist())
        net.close()
        del net
        gc.collect()
        self.assertNotEqual(predictor.predict(x).tolist(), wanted)
        with self.assertRaises(sixnet.BadStateError):
            sixnet.Predictor(sixnet.Model())

    def test_cancel(self):
        net, (x, t) = sixnet.Model(SMALL), some_data(500)
        running = threading.Event()
        canceller = threading.Thread(target=lambda: running.wait() and net.cancel())
        canceller.start()
        self.assertLess(len(net.fit(x, t, epochs=10**6, progress=lambda p: running.set())), 10**6)
        canceller.join()
        for call in (lambda: net.predict(x), lambda: net.evaluate(x, t), lambda: sixnet.Predictor(net).predict(x)):
            with self.assertRaises(sixnet.CancelledError):
                call()
        self.assertEqual(net.fit(x, t), [])
        net.cancel(False)
        self.assertEqual(len(net.fit(x, t)), 1)

    def test_copies(self):
        net, (x, t) = sixnet.Model(SMALL, sixnet.Context(seed=4)), some_data(64)
        net.fit(x, t)
        twin = net.copy()
        self.assertEqual((twin.digest(), twin.context, twin.output_shape), (net.digest(), net.context, (3,)))
        for one in (net, twin):
            one.fit(x, t, epochs=2)
        self.assertEqual(twin.digest(), net.digest())
        net.reset(1)
        self.assertNotEqual(twin.digest(), net.digest())

    def test_errors_of_threads(self):
        def work(i):
            messages = set()
            for _ in range(50):
                try:
                    sixnet.Model(f"input shape=3\nlayer{i}")
                except sixnet.BadSpecError as error:
                    messages.add(str(error))
            return messages

        for i, messages in enumerate(self.in_threads(work)):
            self.assertEqual(len(messages), 1)
            self.assertIn(f"'layer{i}'", messages.pop())


@needs_torch
class Torch(unittest.TestCase):
    """Random small nets, forward and gradients, against PyTorch."""

    MAPS = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "gelu": "GELU", "silu": "SiLU", "leaky_relu": "LeakyReLU"}

    def conv(self, draw, shape, name):
        groups = draw.choice([1, 1, shape[0]])
        out = groups * draw.randint(1, 3)
        kernel, stride, padding, dilation = (draw.randint(1, 3), draw.randint(1, 2)), draw.randint(1, 2), draw.randint(0, 2), draw.randint(1, 2)
        if any(d + 2 * padding < dilation * (k - 1) + 1 for d, k in zip(shape[1:], kernel)):
            return None
        bias = draw.random() < 0.5
        text = "conv2d out_channels={} kernel_size={}x{} stride={} padding={} dilation={} groups={} bias={}".format(
            out, *kernel, stride, padding, dilation, groups, str(bias).lower())
        return text, torch.nn.Conv2d(shape[0], out, kernel, stride, padding, dilation, groups, bias)

    def pool(self, draw, shape, name):
        kernel, stride, ceil = draw.randint(2, 3), draw.randint(1, 3), draw.random() < 0.5
        if min(shape[1:]) < kernel:
            return None
        kind, module = draw.choice([("maxpool2d", torch.nn.MaxPool2d), ("avgpool2d", torch.nn.AvgPool2d)])
        return f"{kind} kernel_size={kernel} stride={stride} ceil_mode={str(ceil).lower()}", module(kernel, stride, ceil_mode=ceil)

    def norm(self, draw, shape, name):
        if draw.random() < 0.5:
            return "batchnorm2d", torch.nn.BatchNorm2d(shape[0])
        groups = draw.choice([g for g in range(1, shape[0] + 1) if shape[0] % g == 0])
        return f"groupnorm num_groups={groups}", torch.nn.GroupNorm(groups, shape[0])

    def map(self, draw, shape, name):
        kind = draw.choice(sorted(self.MAPS))
        return kind, getattr(torch.nn, self.MAPS[kind])()

    def random_net(self, seed):
        """A net's text, and the same in PyTorch."""
        draw = random.Random(seed)
        shape = (draw.randint(1, 4), draw.randint(5, 9), draw.randint(5, 9))
        lines, modules = ["input name=x shape=" + "x".join(map(str, shape))], []
        for i in range(draw.randint(2, 6)):
            made = draw.choice([self.conv, self.conv, self.pool, self.norm, self.map])(draw, shape, i)
            if made:
                lines.append(f"{made[0]} name=n{i}")
                modules.append((f"n{i}", made[1].double()))
                shape = tuple(torch.nn.Sequential(*(m.eval() for _, m in modules))(torch.zeros(1, *self.start(lines)).double()).shape[1:])
        size = math.prod(shape)
        lines += ["flatten", "linear out_features=5 name=last"]
        modules += [("flat", torch.nn.Flatten()), ("last", torch.nn.Linear(size, 5).double())]
        classes = draw.random() < 0.5
        lines.append("cross_entropy" if classes else "mse")
        return "\n".join(lines), torch.nn.Sequential(collections.OrderedDict(modules)), classes

    @staticmethod
    def start(lines):
        return [int(d) for d in lines[0].split("shape=")[1].split("x")]

    def compare(self, seed, dtype, tolerance, least):
        torch.manual_seed(seed)
        text, module, classes = self.random_net(seed)
        net = build_retained(text, sixnet.Context(dtype=dtype, threads=1 + seed % 2))
        net.load_state_dict(module.state_dict())
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 40))
        x = rng.normal(size=(n, *net.input_shape))
        t = rng.integers(0, 5, n) if classes else rng.normal(size=(n, 5))

        net.forward(x)
        loss = net.loss(t)
        net.backward()
        tx = torch.tensor(x, requires_grad=True)
        y = module.train()(tx)
        tl = torch.nn.functional.cross_entropy(y, torch.tensor(t)) if classes else torch.nn.functional.mse_loss(y, torch.tensor(t))
        tl.backward()

        def close(name, mine, theirs):
            theirs = theirs.detach().numpy()
            scale = max(least, float(np.abs(theirs).max()))
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * scale, err_msg=f"{name} of seed {seed}\n{text}")

        close("loss", loss, tl)
        close("output", net.node_values(dtype="f64"), y)
        close("input gradient", net.node_gradient("x", dtype="f64"), tx.grad)
        for name, parameter in module.named_parameters():
            close(name, net.gradient(name, dtype="f64"), parameter.grad)
        for name, buffer in module.named_buffers():
            if not name.endswith("num_batches_tracked"):
                close(name, net[name], buffer)
        close("prediction", net.predict(x), module.eval()(torch.tensor(x)))

    def test_f64(self):
        for seed in range(60):
            self.compare(seed, "f64", 1e-9, 1e-3)

    def test_f32(self):
        for seed in range(60, 90):
            self.compare(seed, "f32", 3e-4, 0.1)

    def test_tensors_as_arrays(self):
        net = sixnet.Model(SMALL)
        state = {name: torch.rand(values.shape).to(torch.bfloat16).requires_grad_() for name, values in net.state_dict().items()}
        net.load_state_dict(state)
        np.testing.assert_array_equal(net["linear1.weight"], state["linear1.weight"].detach().float().numpy())
        x = torch.rand(7, 4)
        np.testing.assert_array_equal(net.predict(x), net.predict(x.numpy()))


def build_retained(text, context):
    """A net of which the gradient by its input can be read."""
    net = sixnet.Model(context=context)
    for line in text.splitlines():
        net.add(line)
    net.retain("x")
    return net.compile()


class Examples(unittest.TestCase):
    def run_example(self, name, *args):
        result = subprocess.run([sys.executable, str(ROOT / "examples/python" / name), *args], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_two_neuron(self):
        output = self.run_example("two_neuron.py", "--steps", "10")
        for number in ("0.606477732207", "0.242519857348", "0.000188255667", "0.072157072912"):
            self.assertIn(number, output)

    @needs_data
    def test_mnist_predict(self):
        output = self.run_example("mnist_predict.py", "--samples", "2000", "--digits", "2", "--threads", "1")
        self.assertRegex(output, r"epoch 1/1  batch 16/16")
        self.assertEqual(len(re.findall(r"^I read a \d, [\d.]+% sure", output, re.M)), 2)


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    result = unittest.main(exit=False, testRunner=unittest.TextTestRunner(resultclass=Result)).result
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    print(f"{result.passed} passed, {failed} failed")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
