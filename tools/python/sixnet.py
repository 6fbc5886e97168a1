# SPDX-License-Identifier: MIT
"""Neural networks with libsixnet: build, train and run them. Requires the library and Python 3.9; uses NumPy if installed.

    import sixnet

    net = sixnet.Model(open("mnist_cnn.net").read())
    print(net)                                                          # PyTorch's summary
    net.fit(images, labels, optimizer="sgd lr=0.1 momentum=0.9", schedule="step_lr step_size=10", epochs=20, batch_size=128,
            validation=(test_images, test_labels), progress=lambda p: print(p.epoch, p.loss) if p.epoch_end else None)
    net.predict(images[:10]).argmax(1)
    net["conv1.weight"]                                                 # a view of the library's memory

Layers, losses, optimizers, schedules and transforms are text, "conv2d out_channels=8 kernel_size=3"; kinds() lists them with their
attributes, and every attribute may be given as a keyword instead.

Arrays: samples are rows of C-contiguous float32 or float64 arrays, which are used without a copy; others are converted, with a
ConversionWarning. Without NumPy, any object with a buffer (array.array, bytes, memoryview) and nested lists are accepted, and results are
memoryviews with a shape; .tolist() converts them to lists.

Errors: failed calls raise subclasses of SixnetError, most of which also derive from the matching built-in, such as ValueError, KeyError or
FileNotFoundError; an argument of a wrong type raises TypeError. An exception in a callback (progress, custom layers, datasets) is raised by
the call that ran the callback. Ctrl-C stops fit() between two batches, and soon stops predict(), evaluate() and gradient_check().

Copies: pickle and copy support all objects, so process pools do, too: a model with its tensors and random-number counters, an optimizer
with its state and its model, a dataset of arrays with its arrays, other datasets with their path or function. A copied context is another
handle of the same context.

Memory: models, optimizers and datasets release their memory when they are garbage-collected, by close(), or at the end of a with block.

Threads: different threads may use different objects; calls on one model wait for each other. To predict concurrently, give each thread a
Predictor.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import functools
import io
import json
import math
import operator
import os
import pathlib
import re
import select
import signal
import sys
import tempfile
import threading
import time
import types
import urllib.parse
import warnings
import weakref
from array import array
from copy import deepcopy
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import (AbstractSet, Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence,
                    TextIO, Tuple, Type, TypeVar, Union)

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

__all__ = [
    "NO_NODE", "Attribute", "BadDataError", "BadFileError", "BadShapeError", "BadStateError", "BadSpecError", "Batches", "CallbackFailedError",
    "CancelledError", "Context", "ConversionWarning", "Dataset", "Epoch", "Evaluation", "FAMILIES", "FileAccessError", "Diagnostic",
    "GradientCheck", "InvalidArgumentError", "Kind", "LayerCall", "LayerSetup", "Model", "Node", "NotFiniteError", "NotFoundError",
    "Optimizer", "OutOfMemoryError", "Predictor", "Progress", "SixnetError", "TooLargeError", "UnsupportedError", "kinds",
    "library_path", "version",
]

Shape = Tuple[int, ...]
_T = TypeVar("_T")
_H = TypeVar("_H", bound="_Handle")
NO_NODE = -1  #: no node

# ---- errors ----


class SixnetError(Exception):
    """A failed call: `status` is the library's status; the message names the problem and the fix."""

    def __init__(self, status: int, message: str) -> None:
        Exception.__init__(self, message)
        self.status = status
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.status, self.message)


class InvalidArgumentError(SixnetError, ValueError):
    """Invalid argument."""


class OutOfMemoryError(SixnetError, MemoryError):
    """Out of memory, or the context's max_memory is exceeded."""


class BadSpecError(SixnetError, ValueError):
    """A spec or net text does not parse: unknown word, value out of range."""


class BadShapeError(SixnetError, ValueError):
    """Shapes do not match."""


class BadStateError(SixnetError, RuntimeError):
    """Valid call at the wrong time."""


class FileAccessError(SixnetError, OSError):
    """A file cannot be read or written. If the system gives a reason, also a FileNotFoundError, PermissionError etc. with errno
    and filename."""

    def __init__(self, status: int, message: str, number: Optional[int] = None) -> None:
        SixnetError.__init__(self, status, message)
        if number:
            self.errno, self.strerror = number, os.strerror(number)
            self.filename = message[:-len(self.strerror)].rsplit(": ", 2)[0]  # "PATH: cannot be opened: No such file or directory"

    def __reduce__(self) -> Tuple[Any, ...]:
        return (_error, (self.status, self.message, self.errno)) if self.errno else SixnetError.__reduce__(self)


class BadFileError(SixnetError, ValueError):
    """Malformed file."""


class TooLargeError(SixnetError, ValueError):
    """A documented limit is exceeded."""


class NotFoundError(SixnetError, KeyError):
    """No node, tensor or kind with this name."""


class BadDataError(SixnetError, ValueError):
    """Unusable sample, such as a label out of range."""


class NotFiniteError(SixnetError, ArithmeticError):
    """The loss, a gradient or a parameter became NaN or infinite."""


class CallbackFailedError(SixnetError, RuntimeError):
    """A callback failed."""


class UnsupportedError(SixnetError, NotImplementedError):
    """Not available on this machine or in this build of the library."""


class CancelledError(SixnetError):
    """Model.cancel() stopped the call before it had a result."""


_OK, _STOPPED, _INVALID_ARGUMENT, _BAD_SHAPE, _BAD_STATE, _IO_ERROR, _NOT_FOUND = 0, 1, -1, -4, -5, -6, -9
_ERRORS = dict(zip(range(-1, -14, -1), (
    InvalidArgumentError, OutOfMemoryError, BadSpecError, BadShapeError, BadStateError, FileAccessError, BadFileError, TooLargeError,
    NotFoundError, BadDataError, NotFiniteError, CallbackFailedError, UnsupportedError)))


_FILE_ERRORS: Dict[type, Any] = {OSError: FileAccessError}


def _error(status: int, message: str, number: int = 0) -> SixnetError:
    """The exception of a status; number is the errno, if a system call failed. It is then of Python's own class for that, too."""
    kind: Type[SixnetError] = _ERRORS.get(status, SixnetError)
    if not number or kind is not FileAccessError:
        return kind(status, message)
    own: type = type(OSError(number, ""))
    if own not in _FILE_ERRORS:
        _FILE_ERRORS[own] = type(own.__name__, (FileAccessError, own), {"__module__": __name__})
    made: SixnetError = _FILE_ERRORS[own](status, message, number)
    return made


class ConversionWarning(UserWarning):
    """An array was copied because the library cannot use its type or layout."""


# ---- the library ----

# What the library exports, as its headers declare it. From it come the types of all arguments and the checks that they pass.
_PROTOTYPES = """
typedef void *(*sixnet_malloc_fn)(void *user, size_t size);
typedef void (*sixnet_free_fn)(void *user, void *memory);
typedef void (*sixnet_log_fn)(void *user, int32_t level, const char *line);
typedef int32_t (*sixnet_sample_fn)(void *user, int64_t index, float *input, float *target);
typedef int32_t (*sixnet_sample_f64_fn)(void *user, int64_t index, double *input, double *target);
typedef int32_t (*sixnet_progress_fn)(void *user, const sixnet_progress *progress);
typedef int32_t (*sixnet_write_fn)(void *user, const void *data, uint64_t size);
typedef int64_t (*sixnet_read_fn)(void *user, void *data, uint64_t size);
typedef int32_t (*sixnet_layer_setup_fn)(void *user, sixnet_layer_setup *setup);
typedef int32_t (*sixnet_layer_compute_fn)(void *user, sixnet_layer_call *call);
const char *sixnet_status_name(int32_t status);
const char *sixnet_last_error(void);
int32_t sixnet_last_system_error(void);
const char *sixnet_version(void);
int32_t sixnet_version_number(void);
const char *sixnet_kind_field(const char *family, int32_t index, const char *field);
const char *sixnet_attribute_field(const char *family, const char *kind, int32_t index, const char *field);
int32_t sixnet_context_new(sixnet_context **out, const char *options);
int32_t sixnet_context_new_with_allocator(sixnet_context **out, const char *options, sixnet_malloc_fn malloc_fn,
    sixnet_free_fn free_fn, void *user);
void sixnet_context_free(sixnet_context *ctx);
int32_t sixnet_context_set_log(sixnet_context *ctx, sixnet_log_fn fn, void *user);
const char *sixnet_context_get(const sixnet_context *ctx, const char *key);
int32_t sixnet_model_new(sixnet_model **out, sixnet_context *ctx);
int32_t sixnet_model_parse(sixnet_model **out, sixnet_context *ctx, const char *text);
int32_t sixnet_model_copy(sixnet_model **out, const sixnet_model *net);
void sixnet_model_free(sixnet_model *net);
sixnet_node sixnet_model_add(sixnet_model *net, const char *spec, sixnet_node input);
sixnet_node sixnet_model_add_multi(sixnet_model *net, const char *spec, const sixnet_node *inputs, int32_t count);
int32_t sixnet_node_retain(sixnet_model *net, sixnet_node node);
int32_t sixnet_model_compile(sixnet_model *net);
int32_t sixnet_model_memory_needed(sixnet_model *net, int64_t n, int32_t training, uint64_t *bytes);
int32_t sixnet_model_reset(sixnet_model *net, uint64_t seed);
const char *sixnet_model_summary(sixnet_model *net);
const char *sixnet_model_text(sixnet_model *net);
int32_t sixnet_node_count(const sixnet_model *net);
sixnet_node sixnet_node_find(const sixnet_model *net, const char *name);
const char *sixnet_node_get(const sixnet_model *net, sixnet_node node, const char *field);
sixnet_node sixnet_node_output(const sixnet_model *net, sixnet_node node, const char *output);
int32_t sixnet_node_shape(const sixnet_model *net, sixnet_node node, int64_t *dims, int32_t *rank);
int32_t sixnet_model_shape(const sixnet_model *net, const char *which, int64_t *dims, int32_t *rank, sixnet_node *node);
int32_t sixnet_node_values(const sixnet_model *net, sixnet_node node, float *values, int64_t count);
int32_t sixnet_node_values_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count);
int32_t sixnet_node_gradient(const sixnet_model *net, sixnet_node node, float *values, int64_t count);
int32_t sixnet_node_gradient_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count);
int32_t sixnet_tensor_count(const sixnet_model *net);
const char *sixnet_tensor_name(const sixnet_model *net, int32_t index);
int32_t sixnet_model_set_tensors(sixnet_model *net, const char *pattern, const char *settings);
double sixnet_tensor_setting(const sixnet_model *net, const char *name, const char *key);
int32_t sixnet_tensor_shape(const sixnet_model *net, const char *name, int64_t *dims, int32_t *rank, int32_t
    *trainable);
int32_t sixnet_tensor_get(const sixnet_model *net, const char *name, float *values, int64_t count);
int32_t sixnet_tensor_get_f64(const sixnet_model *net, const char *name, double *values, int64_t count);
int32_t sixnet_tensor_set(sixnet_model *net, const char *name, const float *values, int64_t count);
int32_t sixnet_tensor_set_f64(sixnet_model *net, const char *name, const double *values, int64_t count);
int32_t sixnet_tensor_gradient(const sixnet_model *net, const char *name, float *values, int64_t count);
int32_t sixnet_tensor_gradient_f64(const sixnet_model *net, const char *name, double *values, int64_t count);
const void *sixnet_tensor_data(const sixnet_model *net, const char *name, int64_t *count);
int32_t sixnet_model_digest(const sixnet_model *net, char *digest);
int32_t sixnet_model_forward(sixnet_model *net, const float *inputs, int64_t n);
int32_t sixnet_model_forward_f64(sixnet_model *net, const double *inputs, int64_t n);
int32_t sixnet_model_loss(sixnet_model *net, const float *targets, double *loss);
int32_t sixnet_model_loss_f64(sixnet_model *net, const double *targets, double *loss);
int32_t sixnet_model_backward(sixnet_model *net);
int32_t sixnet_model_backward_from(sixnet_model *net, const float *gradient);
int32_t sixnet_model_backward_from_f64(sixnet_model *net, const double *gradient);
int32_t sixnet_model_zero_grad(sixnet_model *net);
int32_t sixnet_model_predict(sixnet_model *net, const float *inputs, int64_t n, float *outputs);
int32_t sixnet_model_predict_f64(sixnet_model *net, const double *inputs, int64_t n, double *outputs);
int32_t sixnet_predictor_new(sixnet_predictor **out, sixnet_model *net);
void sixnet_predictor_free(sixnet_predictor *predictor);
int32_t sixnet_predictor_memory(const sixnet_predictor *predictor, uint64_t *bytes);
int32_t sixnet_predictor_predict(sixnet_predictor *predictor, const float *inputs, int64_t n, float *outputs);
int32_t sixnet_predictor_predict_f64(sixnet_predictor *predictor, const double *inputs, int64_t n, double *outputs);
void sixnet_model_cancel(sixnet_model *net, int32_t enable);
int32_t sixnet_model_gradient_check(sixnet_model *net, const double *inputs, const double *targets, int64_t n, double *worst,
    const char **where);
int32_t sixnet_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec, const char *schedule);
void sixnet_optimizer_free(sixnet_optimizer *opt);
int32_t sixnet_optimizer_step(sixnet_optimizer *opt);
int32_t sixnet_optimizer_end_epoch(sixnet_optimizer *opt, double metric);
double sixnet_optimizer_learning_rate(const sixnet_optimizer *opt);
int32_t sixnet_optimizer_set_learning_rate(sixnet_optimizer *opt, double lr);
int32_t sixnet_dataset_open(sixnet_dataset **out, sixnet_context *ctx, const char *path, const char *spec);
const char *sixnet_dataset_class_name(const sixnet_dataset *ds, int64_t index);
int32_t sixnet_dataset_from_idx(sixnet_dataset **out, sixnet_context *ctx, const char *images, const char *labels);
int32_t sixnet_dataset_from_arrays(sixnet_dataset **out, sixnet_context *ctx, const char *spec, const void *inputs,
    const void *targets, int64_t n);
int32_t sixnet_dataset_from_callback(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
    sixnet_sample_fn fn, void *user);
int32_t sixnet_dataset_from_callback_f64(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
    sixnet_sample_f64_fn fn, void *user);
int32_t sixnet_dataset_split(sixnet_dataset **first, sixnet_dataset **second, sixnet_dataset *ds, const char *spec);
void sixnet_dataset_free(sixnet_dataset *ds);
int32_t sixnet_dataset_add_transform(sixnet_dataset *ds, const char *spec);
int64_t sixnet_dataset_size(const sixnet_dataset *ds);
int32_t sixnet_dataset_shape(const sixnet_dataset *ds, int64_t *dims, int32_t *rank, int64_t *target_dims, int32_t
    *target_rank);
int32_t sixnet_dataset_get_sample(const sixnet_dataset *ds, int64_t index, float *input, float *target);
int32_t sixnet_dataset_get_sample_f64(const sixnet_dataset *ds, int64_t index, double *input, double *target);
int32_t sixnet_batch_iterator_new(sixnet_batch_iterator **out, sixnet_dataset *ds, const char *spec);
void sixnet_batch_iterator_free(sixnet_batch_iterator *batches);
int32_t sixnet_batch_iterator_start_epoch(sixnet_batch_iterator *batches, int64_t epoch);
int32_t sixnet_batch_iterator_next(sixnet_batch_iterator *batches, const float **inputs, const float **targets, int64_t *n);
int32_t sixnet_batch_iterator_next_f64(sixnet_batch_iterator *batches, const double **inputs, const double **targets, int64_t *n);
int32_t sixnet_batch_iterator_position(const sixnet_batch_iterator *batches, int64_t *epoch, int64_t *position);
int32_t sixnet_model_profile(sixnet_model *net, int32_t enable);
double sixnet_model_profile_get(const sixnet_model *net, sixnet_node node, const char *key);
double sixnet_progress_get(const sixnet_progress *progress, const char *key);
int32_t sixnet_model_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train, sixnet_dataset
    *validation, const char *options, sixnet_progress_fn fn, void *user);
int64_t sixnet_model_history_size(const sixnet_model *net);
double sixnet_model_history_get(const sixnet_model *net, int64_t epoch, const char *key);
const char *sixnet_model_diagnostic(const sixnet_model *net, int32_t index, const char *field);
int32_t sixnet_model_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy);
int32_t sixnet_model_metrics(sixnet_model *net, sixnet_dataset *ds, const char *options, const char **json);
double sixnet_model_metric(const sixnet_model *net, const char *name);
int32_t sixnet_model_save(const sixnet_model *net, const char *path, const char *options);
int32_t sixnet_model_save_to_buffer(const sixnet_model *net, void *memory, uint64_t capacity, uint64_t *size);
int32_t sixnet_model_save_to_stream(const sixnet_model *net, sixnet_write_fn fn, void *user);
int32_t sixnet_model_load(sixnet_model **out, sixnet_context *ctx, const char *path, const char *options);
int32_t sixnet_model_load_from_buffer(sixnet_model **out, sixnet_context *ctx, const void *memory, uint64_t size, const char
    *options);
int32_t sixnet_model_load_from_stream(sixnet_model **out, sixnet_context *ctx, sixnet_read_fn fn, void *user, const char *options);
int32_t sixnet_model_load_weights(sixnet_model *net, const char *path, const char *options, const char **report);
int32_t sixnet_model_load_weights_from_buffer(sixnet_model *net, const void *memory, uint64_t size, const char *options,
    const char **report);
int32_t sixnet_checkpoint_save(const sixnet_model *net, const sixnet_optimizer *opt, const sixnet_batch_iterator *batches,
    const char *path, const char *options);
int32_t sixnet_checkpoint_load(sixnet_model *net, sixnet_optimizer *opt, sixnet_batch_iterator *batches, const char *path,
    const char *options);
int32_t sixnet_context_register_layer(sixnet_context *ctx, const char *name, const char *attributes, const char *dtype,
    sixnet_layer_setup_fn setup, sixnet_layer_compute_fn forward, sixnet_layer_compute_fn backward, void *user);
int32_t sixnet_layer_setup_input_count(const sixnet_layer_setup *setup);
int32_t sixnet_layer_setup_input_shape(const sixnet_layer_setup *setup, int32_t index, int64_t *dims, int32_t *rank);
double sixnet_layer_setup_attribute(const sixnet_layer_setup *setup, const char *name);
int32_t sixnet_layer_setup_set_output_shape(sixnet_layer_setup *setup, const int64_t *dims, int32_t rank);
int32_t sixnet_layer_setup_add_output(sixnet_layer_setup *setup, const char *name, const int64_t *dims, int32_t rank);
int32_t sixnet_layer_setup_add_parameter(sixnet_layer_setup *setup, const char *name, const int64_t *dims, int32_t rank, double
    low, double high);
int32_t sixnet_layer_setup_fail(sixnet_layer_setup *setup, const char *message);
int64_t sixnet_layer_call_sample_count(const sixnet_layer_call *call);
int32_t sixnet_layer_call_is_training(const sixnet_layer_call *call);
double sixnet_layer_call_attribute(const sixnet_layer_call *call, const char *name);
int32_t sixnet_layer_call_input_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank);
int32_t sixnet_layer_call_output_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank);
int32_t sixnet_layer_call_parameter_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims, int32_t *rank);
const void *sixnet_layer_call_input(const sixnet_layer_call *call, int32_t index);
void *sixnet_layer_call_output(sixnet_layer_call *call, int32_t index);
const void *sixnet_layer_call_parameter(const sixnet_layer_call *call, int32_t index);
const void *sixnet_layer_call_output_gradient(const sixnet_layer_call *call, int32_t index);
void *sixnet_layer_call_input_gradient(sixnet_layer_call *call, int32_t index);
void *sixnet_layer_call_parameter_gradient(sixnet_layer_call *call, int32_t index);
"""


class _Pointer(c_void_p):
    """A handle of the library: each kind has a class of its own, so that none is taken for another."""


_NUMBERS: Dict[str, Any] = {"int32_t": c_int32, "int64_t": c_int64, "uint64_t": c_uint64, "size_t": c_size_t, "double": c_double,
                             "sixnet_node": c_int32}
_TYPES: Dict[str, Any] = {"void": None, "char *": c_char_p, "char **": POINTER(c_char_p), "float **": POINTER(c_void_p), **_NUMBERS,
                          **dict.fromkeys(("void *", "float *", "double *"), c_void_p),
                          **{f"{name} *": POINTER(kind) for name, kind in _NUMBERS.items() if name != "double"}}


def _type(declared: str) -> Any:
    """The ctypes type of a C type, without the name of what has it."""
    name = re.sub(r"\bconst\b|\s", "", declared)
    word, stars = name.rstrip("*"), name.count("*")
    spelled = f"{word} {'*' * stars}" if stars else word
    if spelled not in _TYPES and stars == 1:
        _TYPES[spelled] = type(word, (_Pointer,), {})
    if spelled not in _TYPES and stars == 2:
        _TYPES[spelled] = POINTER(_type(f"{word} *"))
    return _TYPES[spelled]


class _Parameter(NamedTuple):
    """One argument of a function of the library."""

    name: str
    type: Any


def _parameters(declared: str) -> List[_Parameter]:
    found = [] if declared == "void" else re.findall(r"([^,]*?)(\w+)(?:,|$)", declared)
    return [_Parameter(name, _type(kind)) for kind, name in found]


def _shown(value: Any) -> str:
    """A value in a message; its type if it cannot be shown."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 60 else text[:57] + "..."


_WHOLE = (c_int32, c_int64, c_uint64, c_size_t)


def _function(value: Any, what: str) -> Any:
    if not callable(value):
        raise TypeError(f"{what}: expected a function, got {_shown(value)}")
    return value


def _message(error: Optional[BaseException]) -> str:
    """The text of an exception; its class if it has none."""
    try:
        return str(error).replace("\0", "?")
    except Exception:
        return type(error).__name__


def _whole(value: Any, kind: Any, what: str) -> int:
    """A whole number that a C type holds."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what}: expected a whole number, got {_shown(value)}") from None
    if kind(number).value != number:
        bits = 8 * ctypes.sizeof(kind)
        low, high = (0, 2**bits - 1) if kind(-1).value > 0 else (-2**(bits - 1), 2**(bits - 1) - 1)
        raise _error(_INVALID_ARGUMENT, f"{what}: expected a whole number from {low} to {high}, got {_shown(number)}")
    return number


def _real(value: Any, what: str) -> float:
    try:
        return float(c_double(value).value)
    except TypeError:
        raise TypeError(f"{what}: expected a number, got {_shown(value)}") from None
    except OverflowError:
        raise _error(_INVALID_ARGUMENT, f"{what}: expected a number of type double, got {_shown(value)}") from None


def _whole_array(values: Iterable[Any], kind: Any, what: str) -> Any:
    numbers = [_whole(value, kind, what) for value in values]
    return (kind * len(numbers))(*numbers)


def _checked(value: Any, name: str, kind: Any) -> Any:
    """An argument as ctypes may take it, which by itself cuts numbers off and takes any pointer for any other."""
    if kind in _WHOLE:
        return _whole(value, kind, name)
    if kind is c_double:
        return _real(value, name)
    if issubclass(kind, _Pointer) and value is not None and not isinstance(value, kind):
        raise TypeError(f"{name}: expected a {kind.__name__}, got {_shown(value)}")
    return value


class _Function:
    """A function of the library that checks what it is given."""

    def __init__(self, name: str, function: Any, result: Any, parameters: Sequence[_Parameter]) -> None:
        self.name, self.function, self.parameters = name, function, parameters
        function.restype = result
        function.argtypes = [parameter.type for parameter in parameters]

    def __call__(self, *args: Any) -> Any:
        if len(args) != len(self.parameters):
            raise TypeError(f"{self.name}() takes {len(self.parameters)} arguments, not {len(args)}")
        return self.function(*[_checked(value, *parameter) for value, parameter in zip(args, self.parameters)])


_CALLBACKS: Dict[str, Any] = {name: CFUNCTYPE(_type(result), *(parameter.type for parameter in _parameters(given)))
                              for result, name, given in re.findall(r"typedef ([\w\s*]+?)\(\*(\w+)\)\(([^)]*)\);", _PROTOTYPES)}
_TYPES.update(_CALLBACKS)


def _signatures() -> Dict[str, Tuple[Any, List[_Parameter]]]:
    """Result and arguments of every function."""
    found = re.findall(r"^(?!typedef)([\w *]+?)(\w+)\(([^)]*)\);", _PROTOTYPES, re.M)
    return {name: (_type(result), _parameters(given)) for result, name, given in found}


_WRITTEN_FOR = (1, 0)  # the ABI, and the least that it must have


def _candidates() -> Iterator[Optional[str]]:
    """Candidate paths, in order: given by the user, next to this file, known to the system's loader, known to ldconfig."""
    given = os.environ.get("SIXNET_LIBRARY")
    if given:
        yield given
        return
    major = _WRITTEN_FOR[0]
    if sys.platform == "darwin":
        names = [f"libsixnet.{major}.dylib", "libsixnet.dylib"]
    elif sys.platform == "win32":
        names = [f"sixnet-{major}.dll", "sixnet.dll"]
    else:
        names = [f"libsixnet.so.{major}", "libsixnet.so"]
    for name in names:
        yield os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    yield names[0]
    yield ctypes.util.find_library("sixnet")


def _path_of(library: ctypes.CDLL, asked: str) -> str:
    """Where the loader found a library; what it was asked for where the system cannot tell."""

    class Info(ctypes.Structure):
        _fields_ = [("file", c_char_p), ("base", c_void_p), ("name", c_char_p), ("address", c_void_p)]

    info = Info()
    try:
        found = ctypes.CDLL(None).dladdr(ctypes.cast(library.sixnet_version, c_void_p), byref(info))
    except (AttributeError, TypeError, OSError):
        return asked
    return os.fsdecode(info.file) if found and info.file else asked


def _bind(library: ctypes.CDLL, path: str) -> Any:
    """The functions of a library, if it is one that this file is for."""
    library.sixnet_version_number.restype = c_int32
    number = library.sixnet_version_number()
    major, minor, patch = number // 1000000, number // 1000 % 1000, number % 1000
    if major != _WRITTEN_FOR[0] or minor < _WRITTEN_FOR[1]:
        raise ImportError("this sixnet.py is for libsixnet {}.{} or a newer {}.x, but {} is {}.{}.{}; install the two together, or set "
                          "SIXNET_LIBRARY to another library's path".format(*_WRITTEN_FOR, _WRITTEN_FOR[0], path, major, minor, patch))
    functions = {}
    for name, (result, parameters) in _signatures().items():
        try:
            functions[name] = _Function(name, getattr(library, name), result, parameters)
        except AttributeError:
            raise ImportError(f"{path} is libsixnet {major}.{minor}.{patch}, but has no {name}()") from None
    return types.SimpleNamespace(**functions)


def _load() -> Tuple[Any, str]:
    tried = []
    for path in _candidates():
        if path is None:
            tried.append("  ctypes.util.find_library('sixnet'): nothing found")
            continue
        try:
            library = ctypes.CDLL(path)
            path = _path_of(library, path)
            library.sixnet_version_number
        except (OSError, AttributeError) as error:
            tried.append(f"  {path}: {error}")
            continue
        return _bind(library, path), path
    raise ImportError("libsixnet was not found; SIXNET_LIBRARY may give its path. Tried:\n" + "\n".join(tried))


_lib, library_path = _load()
version: str = _lib.sixnet_version().decode()  #: of the library
__version__ = version

# ---- calls ----


class _Pending(threading.local):
    """The exception that a callback raised in this thread, until the call that ran it returns."""

    error: Optional[BaseException] = None

    def take(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error


_pending = _Pending()


def _check(status: int) -> int:
    _pending.take()
    if status < 0:
        raise _error(status, _lib.sixnet_last_error().decode(errors="replace"), _lib.sixnet_last_system_error())
    return status


def _guarded_count(function: Callable[..., int], *args: Any) -> int:
    """Runs a Python function for the library: -1 if it raised, or an earlier one did. What it raises waits in _pending."""
    if _pending.error is not None:
        return -1
    try:
        return function(*args)
    except BaseException as error:
        _pending.error = error
        return -1


def _guarded(function: Callable[..., Any], *args: Any) -> int:
    """As _guarded_count(), of functions that end the call by returning something true: 0, or another number to end it."""
    return _guarded_count(lambda: int(bool(function(*args))))


class _Watcher:
    """A thread that the system wakes at every signal, as Python's own handlers wait until the library has returned. At Ctrl-C it cancels
    the calls under way. The first call of a process starts it."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.calls: List[_InterruptsHeld] = []  # one inside the other: in a callback more may be called
        self.others = -1  # the program's own wake-up file, such as an event loop's; -1 between calls, when it may have been closed
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.waiting = self._poll()
        threading.Thread(target=self._watch, name="sixnet signals", daemon=True).start()

    def _poll(self) -> select.poll:
        poll = select.poll()
        poll.register(self.reader, select.POLLIN)
        return poll

    def _watch(self) -> None:
        arrival = self._poll()
        while True:
            arrival.poll()
            self._pass_on()

    def _pass_on(self) -> None:
        """Acts on the signals that have come, and hands them on. They are read under the lock only, so none is on its way afterwards."""
        with self.lock:
            while self.waiting.poll(0):
                number = os.read(self.reader, 1)[0]
                if number == signal.SIGINT:
                    for call in self.calls:
                        call.cancel(True)
                if self.others >= 0:
                    with contextlib.suppress(OSError):
                        os.write(self.others, bytes([number]))

    def begin(self, call: _InterruptsHeld) -> None:
        if not self.calls:
            self.others = signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        with self.lock:
            self.calls.append(call)

    def end(self, call: _InterruptsHeld) -> None:
        last = len(self.calls) == 1
        if last:
            signal.set_wakeup_fd(self.others)
        self._pass_on()  # signals so far belong to this call, not to the next
        with self.lock:
            self.calls.remove(call)
            if call.cancelled and all(other.net is not call.net for other in self.calls):
                call.cancel(False)
            if last:
                self.others = -1


_watcher: Optional[_Watcher] = None


def _start_watcher() -> Optional[_Watcher]:
    """The process's own, as a fork takes no threads along; None where none can be started, such as at the end of the process."""
    global _watcher
    if _watcher is None or _watcher.process != os.getpid():
        try:
            _watcher = _Watcher()
        except (OSError, RuntimeError):
            return None
    return _watcher


class _InterruptsHeld:
    """Ctrl-C while the library runs: ctypes would lose the exception if it came in a callback, so it is raised when the library has
    returned, which is soon if the call is for a model. Nothing is done in other threads, and where a program has a handler of its own."""

    def __init__(self, net: Optional[_Pointer]) -> None:
        self.net, self.signalled, self.cancelled = net, False, False
        self._outermost = False
        self._watcher: Optional[_Watcher] = None

    def cancel(self, on: bool) -> None:
        if self.net is not None:
            self.cancelled = True
            _lib.sixnet_model_cancel(self.net, on)

    def _hold(self, signum: int, frame: Any) -> None:
        self.signalled = True
        _pending.error = _pending.error or KeyboardInterrupt()

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        handler = signal.getsignal(signal.SIGINT)
        if handler is signal.default_int_handler:
            try:
                signal.signal(signal.SIGINT, self._hold)
            except ValueError:  # the thread is the main one of a subinterpreter only
                return
            self._outermost = True
        elif getattr(handler, "__func__", None) is not _InterruptsHeld._hold:
            return
        self._watcher = _start_watcher()
        if self._watcher:
            self._watcher.begin(self)
        if self.signalled:
            self.__exit__()

    def __exit__(self, *_: Any) -> None:
        if self._watcher:
            self._watcher.end(self)
            self._watcher = None
            if self.cancelled and not self.signalled and self._outermost:
                _pending.error = _pending.error or KeyboardInterrupt()
        if self._outermost:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _pending.take()


def _decoded(text: Optional[bytes]) -> str:
    """A text of the library's; "" for none."""
    return (text or b"").decode()


def _text(value: str, what: str = "text") -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{what}: expected a str, got {_shown(value)}")
    encoded = value.encode()
    if b"\0" in encoded:
        raise _error(_INVALID_ARGUMENT, "a text with a NUL character")
    return encoded


def _path(path: Union[str, os.PathLike[str]]) -> bytes:
    """A path as the library takes it."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise _error(_INVALID_ARGUMENT, "a path with a NUL character")
    return encoded


def _value_text(value: Any, name: str, separator: Optional[str] = None) -> str:
    """A value as the library reads it. Sequences have the separator that the attribute asks for, or else that of their type."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if len(value.split()) > 1 or value != value.strip():
            raise _error(_INVALID_ARGUMENT, f"{name}: {_shown(value)} has a blank; a value is one word")
        return value
    if isinstance(value, os.PathLike):
        return urllib.parse.quote_from_bytes(_path(value))
    if isinstance(value, (tuple, list, range)):
        if any(isinstance(part, (tuple, list, range)) for part in value):
            raise TypeError(f"{name}: expected numbers in a row, got {_shown(value)}")
        return (separator or ("x" if isinstance(value, tuple) else ",")).join(_value_text(part, name) for part in value)
    plain = value.tolist() if hasattr(value, "tolist") else value  # NumPy's arrays and numbers, and what is like them
    if type(plain) is not type(value):
        return _value_text(plain, name, separator)
    if hasattr(value, "__index__"):
        return str(operator.index(value))
    if hasattr(value, "__float__"):
        return repr(float(value))
    raise TypeError(f"{name}: expected a number, a text or a sequence of them, got {_shown(value)}")


@functools.lru_cache(256)
def _separators(kind: str) -> Dict[str, str]:
    """The separators of a kind's attributes that are sequences."""
    types = dict(row for family in FAMILIES for row in _fields(_lib.sixnet_attribute_field, ("name", "type"), family.encode(), kind.encode()))
    return {name: "," if word == "list" else "x" for name, word in types.items() if word in ("list", "pair", "shape")}


def _spec(text: str, attributes: Mapping[str, Any]) -> bytes:
    """A kind and its attributes: bools become true and false, sequences 3x5 or 3,5; None leaves an attribute out."""
    encoded = _text(text)
    for name in attributes:
        if not name.isidentifier():
            raise _error(_INVALID_ARGUMENT, f"{_shown(name)} is no name of an attribute")
    kind = " ".join(text.split()[:1])
    words = [f"{name}={_value_text(value, name, _separators(kind).get(name))}" for name, value in attributes.items() if value is not None]
    return b" ".join([encoded] * bool(text) + [_text(word) for word in words])


class _Resource:
    """A handle of the library. It is given back when nothing refers to it any more: neither its Python object nor a view of its memory.
    At the end of the process nothing is, as a thread might still be at work."""

    __slots__ = ("pointer", "lock", "keep", "stepped", "__weakref__")

    def __init__(self, pointer: _Pointer, free: Callable[[_Pointer], None], keep: Sequence[Any] = (), lock: Any = None) -> None:
        self.pointer = pointer
        self.lock = lock or threading.RLock()
        self.keep = list(keep)  # what the library refers to: arrays, functions, other handles
        self.stepped = False  # of a model: whether its random numbers have moved on since it was made
        weakref.finalize(self, _give_back, free, pointer, self.keep).atexit = False


def _give_back(free: Callable[[_Pointer], None], pointer: _Pointer, keep: List[Any]) -> None:
    free(pointer)
    keep.clear()


class _Handle:
    """Base class of all handles."""

    _resource: Optional[_Resource] = None
    _OWN: Tuple[str, ...] = ()  # the attributes that are made anew in a copy; others, of a program's own subclass, are copied
    _HELD: Tuple[str, ...] = ()  # those that keep memory, which close() gives back

    def _again(self: _H) -> _H:
        """Another handle of the same object, which is open when this one is closed."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def _others(self) -> Dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_resource", *self._OWN)}

    def _create(self, function: Callable[..., int], free: _Function, *args: Any, keep: Sequence[Any] = (), lock: Any = None) -> None:
        out = free.parameters[0].type()
        _check(function(byref(out), *args))
        self._resource = _Resource(out, free, keep, lock)

    def _open(self) -> _Resource:
        resource = self._resource
        if resource is None:
            raise _error(_BAD_STATE, f"this {type(self).__name__} is closed")
        return resource

    def _call(self, function: Callable[..., int], *args: Any) -> int:
        resource = self._open()
        with resource.lock:
            return _check(function(resource.pointer, *args))

    def _run(self, function: Callable[..., int], *args: Any) -> int:
        """As _call(), where Python functions may be called back."""
        with _InterruptsHeld(None):
            return self._call(function, *args)

    def _run_long(self, net: _Pointer, function: Callable[..., int], *args: Any) -> int:
        """As _run(), where Ctrl-C cancels what runs on a model."""
        with _InterruptsHeld(net):
            return self._call(function, *args)

    def _run_whole(self, net: _Pointer, function: Callable[..., int], *args: Any) -> None:
        """As _run_long(), of calls whose results are nothing if they were cancelled."""
        if self._run_long(net, function, *args) == _STOPPED:
            raise CancelledError(_STOPPED, "the call was cancelled")

    def _get(self, function: Callable[..., _T], *args: Any) -> _T:
        """As _call(), of functions that return a value instead of a status."""
        resource = self._open()
        with resource.lock:
            return function(resource.pointer, *args)

    def close(self) -> None:
        """Releases the memory as soon as no view of it is left. Further calls do nothing."""
        self._resource = None
        for name in self._HELD:
            setattr(self, name, None)

    @property
    def closed(self) -> bool:
        return self._resource is None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class _Parent:
    """The object that another depends on, kept to copy both: the program's own handle, so that copying both keeps them paired, or a second
    handle after that one was closed."""

    def __init__(self, handle: _Handle) -> None:
        self._handle, self._spare = handle, handle._again()

    def get(self) -> Any:
        return self._spare if self._handle.closed else self._handle


def _opened(handle: Any, kind: Type[_Handle], what: str) -> _Resource:
    """The resource of an argument that must be an object of that class."""
    if not isinstance(handle, kind):
        raise TypeError(f"{what}: expected a {kind.__name__}, got {_shown(handle)}")
    return handle._open()


# ---- arrays ----


class _Element(NamedTuple):
    ctype: Any
    code: str  # of array.array and memoryview
    size: int


_ELEMENTS = {
    "f32": _Element(ctypes.c_float, "f", 4),
    "f64": _Element(ctypes.c_double, "d", 8),
    "u8": _Element(ctypes.c_uint8, "B", 1),
    "i32": _Element(ctypes.c_int32, "i", 4),
    "i64": _Element(ctypes.c_int64, "q", 8),
}
_REALS = ("f32", "f64")
_NATIVE = "@=" + ("<" if sys.byteorder == "little" else ">")


class _Array(NamedTuple):
    """An array as C sees it; `owner` keeps the memory."""

    address: int
    shape: Shape
    kind: str
    owner: Any

    def __reduce__(self) -> Tuple[Any, ...]:
        size = math.prod(self.shape) * _ELEMENTS[self.kind].size
        return _array_again, (self.owner if hasattr(self.owner, "ctypes") else ctypes.string_at(self.address, size), self.shape, self.kind)


def _array_again(values: Any, shape: Shape, kind: str) -> _Array:
    """An array that was pickled, or a copy of one, as the one of NumPy or the bytes that it refers to."""
    if isinstance(values, bytes):
        return _buffer_of(memoryview(values), shape, kind)
    return _Array(values.ctypes.data, shape, kind, values)


def _kind_of(code: str, size: int) -> Optional[str]:
    """The element type of a buffer's format, NULL for those that the library does not know."""
    code = code.lstrip(_NATIVE) if code[:1] in _NATIVE else code
    if code in ("f", "d"):
        return "f32" if code == "f" else "f64"
    if code in ("i", "l", "q"):
        return {4: "i32", 8: "i64"}.get(size)
    return "u8" if code == "B" else None


def _warn(what: str, given: str, wanted: str) -> None:
    """Warns at the line of the program that called into this file."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_code.co_filename == __file__:
        frame, level = frame.f_back, level + 1
    warnings.warn(f"{what}: {given} was copied and converted; a C-contiguous array of {wanted} is used as it is", ConversionWarning, level)


def _names(kinds: Sequence[str]) -> str:
    names = {"f32": "float32", "f64": "float64", "u8": "uint8", "i32": "int32", "i64": "int64"}
    return " or ".join(names[kind] for kind in kinds)


def _is_whole(code: str) -> bool:
    return code.lstrip(_NATIVE) in tuple("?bBhHiIlLqQ")


def _numbers(values: Any, what: str) -> Any:
    """Values as an array of NumPy, which by itself takes texts, dates, missing values and more for numbers."""
    if isinstance(values, numpy.ma.MaskedArray) and values.mask.any():
        raise _error(_INVALID_ARGUMENT, f"{what}: a masked array, some of whose values are missing")
    try:
        given = numpy.asarray(memoryview(values) if isinstance(values, bytes) else values)
    except ValueError as error:
        raise _error(_BAD_SHAPE, f"{what}: {error}") from None
    unlike = given.dtype.kind not in "biuf" and "float" not in given.dtype.name  # such as the bfloat16 of other packages
    if unlike and not (given.dtype.kind == "O" and all(hasattr(value, "__float__") for value in given.flat)):
        raise TypeError(f"{what}: expected numbers, got {_shown(values)}")
    return given


def _numpy_in(values: Any, kinds: Sequence[str], wanted: str, what: str, quiet: bool) -> _Array:
    made_here = isinstance(values, (list, tuple, int, float))
    given = _numbers(values, what)
    if made_here:
        given = numpy.asarray(given, _ELEMENTS[wanted].code)
    kind = _kind_of(given.dtype.byteorder.strip("|") + given.dtype.char, given.dtype.itemsize) or ""
    if kind not in kinds or not (given.flags.c_contiguous and given.flags.aligned):
        if not (quiet or made_here or _is_whole(given.dtype.char) and what == "targets"):
            _warn(what, f"a {'' if given.flags.c_contiguous else 'not contiguous '}{given.dtype} array", _names(kinds))
        kind = kind if kind in kinds else wanted
        given = numpy.require(given, _ELEMENTS[kind].code, ["C", "A"])
    return _Array(given.ctypes.data, given.shape, kind, given)


def _flat(values: Any) -> Tuple[List[float], Shape]:
    """The numbers of nested sequences, and their shape."""
    if isinstance(values, (str, bytes, Mapping, AbstractSet)):
        raise TypeError
    if not hasattr(values, "__len__"):
        return [values], ()
    parts = [_flat(value) for value in values]
    shapes = {shape for _, shape in parts} or {()}
    if len(shapes) > 1:
        raise _error(_BAD_SHAPE, "the lists have different lengths")
    return [value for numbers, _ in parts for value in numbers], (len(parts), *shapes.pop())


def _buffer_in(values: Any, kinds: Sequence[str], wanted: str, what: str, quiet: bool) -> _Array:
    try:
        view = memoryview(values)
    except TypeError:
        try:
            numbers, shape = _flat(values.tolist() if hasattr(values, "tolist") else values)
            return _buffer_of(memoryview(array(_ELEMENTS[wanted].code, numbers)), shape, wanted)
        except TypeError:
            raise TypeError(f"{what}: expected numbers, got {_shown(values)}") from None
    kind = _kind_of(view.format, view.itemsize) or ""
    if kind in kinds and view.c_contiguous:
        return _buffer_of(view, view.shape or (), kind)
    if not (quiet or _is_whole(view.format) and what == "targets"):
        _warn(what, f"a buffer of format '{view.format}'", _names(kinds))
    try:
        rows = view.tolist()
    except NotImplementedError:
        raise TypeError(f"{what}: expected numbers, got a buffer of format '{view.format}'") from None
    return _buffer_in(rows, kinds, kind if kind in kinds else wanted, what, True)


def _buffer_of(view: memoryview, shape: Shape, kind: str) -> _Array:
    """A view as it is, or a copy if its memory may not be written, as ctypes takes no other."""
    memory = ctypes.c_char * view.nbytes
    owner = memory.from_buffer_copy(view) if view.readonly or not view.nbytes else memory.from_buffer(view)
    return _Array(ctypes.addressof(owner), shape, kind, owner)


def _detached(values: Any) -> Any:
    """A tensor of PyTorch's, or what is like one, in a form that NumPy reads: without a gradient, in this machine's memory, and not of
    type bfloat16. Other values as they are."""
    for step in ("detach", "cpu"):
        if callable(getattr(values, step, None)):
            values = getattr(values, step)()
    if str(getattr(values, "dtype", "")) == "torch.bfloat16":
        values = values.float()
    return values


def _array_in(values: Any, kinds: Sequence[str], wanted: str, what: str, quiet: bool = False) -> _Array:
    """Values for the library to read, as they are if their type is one of `kinds`, otherwise as `wanted`."""
    if values is None:
        raise _error(_INVALID_ARGUMENT, f"{what}: None is not an array")
    values = _detached(values)
    return (_buffer_in if numpy is None else _numpy_in)(values, kinds, wanted, what, quiet)


class _Out(NamedTuple):
    """An array for the library to write, and what the caller gets."""

    address: int
    array: Any
    count: int  # type: ignore[assignment]


def _array_out(shape: Shape, kind: str) -> _Out:
    element, count = _ELEMENTS[kind], math.prod(shape)
    if numpy is not None:
        values = numpy.empty(shape, element.code)
        return _Out(values.ctypes.data, values, count)
    memory = array(element.code, bytes(element.size * count))
    view = memoryview(memory)
    address = memory.buffer_info()[0]
    return _Out(address, view.cast("B").cast(element.code, shape) if count and shape else view, count)


def _copy_out(address: int, shape: Shape, kind: str) -> Any:
    """A copy of the library's memory."""
    out = _array_out(shape, kind)
    ctypes.memmove(out.address, address, out.count * _ELEMENTS[kind].size)
    return out.array


def _copy_in(address: int, shape: Shape, kind: str, values: Any, what: str) -> None:
    """Writes values of that shape to the library's memory."""
    given = _array_in(values, (kind,), kind, what, quiet=True)
    if _squeezed(given.shape) != _squeezed(shape) and given.shape != (math.prod(shape),):
        raise _error(_BAD_SHAPE, f"{what} has the shape {given.shape}, not {shape}")
    ctypes.memmove(address, given.address, math.prod(shape) * _ELEMENTS[kind].size)


def _view(address: int, shape: Shape, kind: str, owner: Any) -> Any:
    """The library's memory itself, to read; the view keeps `owner`."""
    element = _ELEMENTS[kind]
    memory: Any = (ctypes.c_char * (math.prod(shape) * element.size)).from_address(address)
    memory.owner = owner
    if numpy is None:
        return memoryview(memory).cast("B").cast(element.code, shape).toreadonly()
    values = numpy.frombuffer(memory, element.code).reshape(shape)
    values.flags.writeable = False
    return values


def _squeezed(shape: Sequence[int]) -> Shape:
    return tuple(dim for dim in shape if dim != 1)


def _rows(given: Shape, sample: Shape, what: str) -> int:
    """How many samples an array of a shape holds: (n, *sample), (n, size), one sample, or all values in a row. Dimensions of 1 may be
    left out."""
    size = math.prod(sample)
    if given and _squeezed(given[1:]) in (_squeezed(sample), _squeezed((size,))):
        return given[0]
    if _squeezed(given) == _squeezed(sample):
        return 1
    if len(given) == 1 and given[0] % size == 0:
        return given[0] // size
    raise _error(_BAD_SHAPE, f"{what}: an array of shape {given} is not samples of shape {sample}")


def _shape(function: Callable[..., int], *args: Any) -> Shape:
    """The shape that a function of the library gives with dims and rank."""
    dims, rank = (c_int64 * 8)(), c_int32()
    _check(function(*args, dims, byref(rank)))
    return tuple(dims[:rank.value])


# ---- kinds ----


class Attribute(NamedTuple):
    """One attribute of a kind; `default` is "required" if there is no default."""

    name: str
    type: str
    default: str
    range: str
    help: str


class Kind(NamedTuple):
    """A kind of the text interface, with its attributes."""

    name: str
    help: str
    attributes: Tuple[Attribute, ...]


FAMILIES = ("layer", "loss", "optimizer", "schedule", "transform", "options")


def _fields(function: Callable[..., Optional[bytes]], fields: Sequence[str], *args: Any) -> Iterator[List[str]]:
    for index in range(sys.maxsize):
        row = [function(*args, index, field.encode()) for field in fields]
        if row[0] is None:
            return
        yield [_decoded(value) for value in row]


def kinds(family: str) -> List[Kind]:
    """Returns all kinds of a family (one of FAMILIES) with their attributes, from the tables that the parser uses."""
    if family not in FAMILIES:
        raise _error(_NOT_FOUND, f"there is no family '{family}'; there are {', '.join(FAMILIES)}")
    word = family.encode()
    return [Kind(name, text, tuple(Attribute(*row) for row in _fields(_lib.sixnet_attribute_field, Attribute._fields, word, name.encode())))
            for name, text in _fields(_lib.sixnet_kind_field, ("name", "help"), word)]


# ---- context ----


class Context(_Handle):
    """Resources and settings shared by the objects created with it. Options:

    threads: compute threads including the caller; 0: all available processors (default 1)
    dtype: "f32" or "f64" (default "f32")
    isa: highest instruction set to use (default "auto")
    convolution: "auto", or "direct" to disable Winograd's algorithm (default "auto")
    seed: seed of initialization, dropout and shuffling (default 0)
    max_memory: limit in bytes on all memory allocated through the context; 0: unlimited (default 0)
    log: function called with a level (0 information, 1 warning) and a line

        Context("threads=2 dtype=f64")
        Context(threads=2, dtype="f64", log=print)
    """

    def __init__(self, options: str = "", *, log: Optional[Callable[[int, str], Any]] = None, **settings: Any) -> None:
        self._made = _spec(options, settings).decode(), log
        self._layers: List[Tuple[Tuple[Any, ...], Dict[str, Any]]] = []  # as register() was given them
        self._create(_lib.sixnet_context_new, _lib.sixnet_context_free, _spec(options, settings))
        if log is not None:
            self._log_to(_function(log, "log"))

    _OWN = ("_made", "_layers")

    def __copy__(self) -> Context:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: Any) -> Context:
        self._open()
        return self._again()

    def __reduce__(self) -> Tuple[Any, ...]:
        self._open()
        return _context_again, (type(self), self._made, list(self._layers)), self._others()

    def _log_to(self, log: Callable[[int, str], Any]) -> None:
        def write(_user: Optional[int], level: int, line: bytes) -> None:
            _guarded(log, level, line.decode(errors="replace"))

        thunk = _CALLBACKS["sixnet_log_fn"](write)
        self._open().keep.append(thunk)
        self._call(_lib.sixnet_context_set_log, thunk, None)

    def _setting(self, key: bytes) -> str:
        return _decoded(self._get(_lib.sixnet_context_get, key))

    @property
    def isa(self) -> str:
        """Instruction set in use."""
        return self._setting(b"isa")

    @property
    def dtype(self) -> str:
        return self._setting(b"dtype")

    @property
    def convolution(self) -> str:
        """Convolution method: "auto", or "direct" without Winograd's algorithm."""
        return self._setting(b"convolution")

    @property
    def threads(self) -> int:
        return int(self._setting(b"threads"))

    @property
    def seed(self) -> int:
        return int(self._setting(b"seed"))

    @property
    def max_memory(self) -> int:
        """Limit in bytes on all memory allocated through the context; 0: unlimited."""
        return int(self._setting(b"max_memory"))

    def __repr__(self) -> str:
        if self.closed:
            return "<sixnet.Context, closed>"
        return f"sixnet.Context('isa={self.isa} dtype={self.dtype} threads={self.threads} seed={self.seed}')"

    def register_layer(self, name: str, forward: Callable[..., Any], backward: Optional[Callable[..., Any]] = None, *,
                 setup: Optional[Callable[[LayerSetup], Optional[Shape]]] = None, dtype: Optional[str] = None, **attributes: float) -> None:
        """Registers a custom layer of Python functions for all models of this context.

            def forward(call, x, w):              # inputs, then parameters: arrays of shape (samples, ...) and that of the parameter
                return x ** call["order"] * w
            def backward(call, dy, x, w):         # the gradients by inputs, then those by parameters
                return dy * w * call["order"] * x ** (call["order"] - 1), (dy * x ** call["order"]).sum(0)
            def setup(s):                         # if there are parameters, or the output's shape is not the first input's
                s.parameter("weight", s.inputs[0], low=-1, high=1)

            context.register_layer("power", forward, backward, setup=setup, order=2)
            sixnet.Model("input shape=3 \\n power order=3", context)

        forward and backward are called with up to 16 samples, in the thread that made the call. A gradient of None is zero. Without
        backward the layer is for inference only. `call` is a LayerCall; `dtype` ("f32" or "f64") is that of the arrays (default: the
        context's); keywords are the layer's attributes with their defaults. If setup adds outputs (LayerSetup.output()), forward
        returns a tuple of all outputs, and dy is a tuple of their gradients.
        """
        for what, function in (("forward", forward), ("backward", backward or forward), ("setup", setup or forward)):
            _function(function, what)
        layer = _CustomLayer(name, forward, backward, setup, dtype or self.dtype)
        self._open().keep.append(layer)
        self._call(_lib.sixnet_context_register_layer, _text(name), _spec("", attributes), layer.dtype.encode(), *layer.thunks, None)
        self._layers.append(((name, forward, backward), {"setup": setup, "dtype": dtype, **attributes}))


def _context_again(kind: Type[Context], made: Tuple[str, Any], layers: List[Tuple[Tuple[Any, ...], Dict[str, Any]]]) -> Context:
    context = kind.__new__(kind)
    Context.__init__(context, made[0], log=made[1])
    for given, settings in layers:
        context.register_layer(*given, **settings)
    return context


# ---- layers of one's own ----


class _DuringCall:
    """Argument of a custom layer's function, valid until the function returns."""

    _attribute = ""  # the library's function that knows the layer's attributes

    def __init__(self, pointer: _Pointer) -> None:
        self._pointer: Optional[_Pointer] = pointer

    def _valid(self) -> _Pointer:
        if self._pointer is None:
            raise _error(_BAD_STATE, f"a {type(self).__name__} is valid until the function that it was given to returns")
        return self._pointer

    def __getitem__(self, name: str) -> float:
        value = float(getattr(_lib, self._attribute)(self._valid(), _text(name)))
        if math.isnan(value):
            raise _error(_NOT_FOUND, f"the layer has no attribute '{name}'")
        return value


class LayerSetup(_DuringCall):
    """Argument of a custom layer's setup function: `inputs` are the shapes of the inputs, setup["order"] is an attribute. The
    function may add parameters and outputs, return the shape of the first output, and raise an error to reject the inputs."""

    _attribute = "sixnet_layer_setup_attribute"

    def __init__(self, pointer: _Pointer) -> None:
        _DuringCall.__init__(self, pointer)
        count = _lib.sixnet_layer_setup_input_count(pointer)
        self.inputs = tuple(_shape(_lib.sixnet_layer_setup_input_shape, pointer, i) for i in range(count))

    def parameter(self, name: str, shape: Sequence[int], low: float = 0.0, high: Optional[float] = None) -> None:
        """Adds a parameter. Its initial values are uniform from low to high; without high, all are low."""
        dims = _whole_array(shape, c_int64, "shape")
        _check(_lib.sixnet_layer_setup_add_parameter(self._valid(), _text(name), dims, len(dims), low, low if high is None else high))

    def output(self, name: str, shape: Sequence[int]) -> None:
        """Adds an output after the first, which is called "output". Other layers refer to it as from=NODE:NAME."""
        dims = _whole_array(shape, c_int64, "shape")
        _check(_lib.sixnet_layer_setup_add_output(self._valid(), _text(name), dims, len(dims)))


class LayerCall(_DuringCall):
    """Argument of a custom layer's forward and backward functions: `samples`, `training`, call["order"] for an attribute, and in
    backward `output`, the result of forward."""

    _attribute = "sixnet_layer_call_attribute"

    def __init__(self, pointer: _Pointer, kind: str) -> None:
        _DuringCall.__init__(self, pointer)
        self._kind = kind
        self.samples: int = _lib.sixnet_layer_call_sample_count(pointer)
        self.training = bool(_lib.sixnet_layer_call_is_training(pointer))

    @property
    def output(self) -> Any:
        """The result of forward: an array, or a tuple of arrays if the layer has several outputs."""
        return self._outputs(_lib.sixnet_layer_call_output)

    def _outputs(self, function: Callable[..., Optional[int]]) -> Any:
        """Copies of the outputs' values or gradients: a tuple if there are several."""
        places = self._places(function, _lib.sixnet_layer_call_output_shape, (self.samples,))
        arrays = tuple(_copy_out(address, shape, self._kind) for address, shape in places)
        return arrays if len(arrays) > 1 else arrays[0]

    def _arguments(self, value: Callable[..., Optional[int]], parameter: Callable[..., Optional[int]]) -> List[Tuple[int, Shape]]:
        """Where the inputs' values or gradients are, and then the parameters'."""
        return [*self._places(value, _lib.sixnet_layer_call_input_shape, (self.samples,)),
                *self._places(parameter, _lib.sixnet_layer_call_parameter_shape, ())]

    def _places(self, function: Callable[..., Optional[int]], shape: Callable[..., int], first: Shape) -> List[Tuple[int, Shape]]:
        """All that a function has by index: the addresses and shapes."""
        places: List[Tuple[int, Shape]] = []
        address = function(self._valid(), 0)
        while address:
            places.append((address, (*first, *_shape(shape, self._valid(), len(places)))))
            address = function(self._valid(), len(places))
        return places


class _CustomLayer:
    """Between the library and the functions of a layer of the program's own. The arrays that they see are copies: the library's memory
    is valid during the call only."""

    def __init__(self, name: str, forward: Callable[..., Any], backward: Optional[Callable[..., Any]],
                 setup: Optional[Callable[..., Any]], dtype: str) -> None:
        self.name, self.forward, self.backward, self.setup, self.dtype = name, forward, backward, setup, dtype
        compute = _CALLBACKS["sixnet_layer_compute_fn"]
        self.thunks = (_CALLBACKS["sixnet_layer_setup_fn"](self._on_setup),
                       compute(lambda _user, call: _guarded(self._run, self._run_forward, call)),
                       compute(lambda _user, call: _guarded(self._run, self._run_backward, call)) if backward else compute())

    def _on_setup(self, _user: Optional[int], pointer: _Pointer) -> int:
        failed = _guarded(self._run_setup, pointer)
        if failed:
            _lib.sixnet_layer_setup_fail(pointer, _message(_pending.error).encode(errors="replace"))
        return failed

    def _run_setup(self, pointer: _Pointer) -> None:
        given = LayerSetup(pointer)
        try:
            shape = self.setup(given) if self.setup else None
        finally:
            given._pointer = None
        if shape is not None:
            dims = _whole_array(shape, c_int64, f"{self.name}: the shape that setup returned")
            _check(_lib.sixnet_layer_setup_set_output_shape(pointer, dims, len(dims)))

    def _run(self, function: Callable[[LayerCall, _Pointer, List[Any]], None], pointer: _Pointer) -> None:
        call = LayerCall(pointer, self.dtype)
        try:
            places = call._arguments(_lib.sixnet_layer_call_input, _lib.sixnet_layer_call_parameter)
            function(call, pointer, [_copy_out(address, shape, self.dtype) for address, shape in places])
        finally:
            call._pointer = None

    def _run_forward(self, call: LayerCall, pointer: _Pointer, arguments: List[Any]) -> None:
        values = self.forward(call, *arguments)
        places = call._places(_lib.sixnet_layer_call_output, _lib.sixnet_layer_call_output_shape, (call.samples,))
        if len(places) == 1:
            self._put(places[0], values, "what forward returned")
            return
        if not isinstance(values, tuple) or len(values) != len(places):
            given = f"{len(values)} outputs" if isinstance(values, tuple) else _shown(values)
            raise _error(_BAD_SHAPE, f"{self.name}: forward returned {given}, expected a tuple of {len(places)} outputs")
        for i, (place, output) in enumerate(zip(places, values)):
            self._put(place, output, f"output {i} that forward returned")

    def _put(self, place: Tuple[int, Shape], values: Any, what: str) -> None:
        _copy_in(*place, self.dtype, values, f"{self.name}: {what}")

    def _run_backward(self, call: LayerCall, pointer: _Pointer, arguments: List[Any]) -> None:
        assert self.backward
        given = self.backward(call, call._outputs(_lib.sixnet_layer_call_output_gradient), *arguments)
        gradients = given if isinstance(given, tuple) else (given,)
        places = call._arguments(_lib.sixnet_layer_call_input_gradient, _lib.sixnet_layer_call_parameter_gradient)
        if len(gradients) != len(places):
            raise _error(_BAD_SHAPE, f"{self.name}: backward returned {len(gradients)} gradients, not {len(places)}, one by each input and "
                                     "parameter")
        for i, (place, values) in enumerate(zip(places, gradients)):
            if values is not None:
                self._put(place, values, f"gradient {i} that backward returned")


# ---- dataset ----


def _get_function(dtype: str) -> Any:
    return _lib.sixnet_dataset_get_sample if dtype == "f32" else _lib.sixnet_dataset_get_sample_f64


def _dataset_shapes(pointer: _Pointer) -> Tuple[Shape, Optional[Shape]]:
    dims, target_dims, rank, target_rank = (c_int64 * 8)(), (c_int64 * 8)(), c_int32(), c_int32()
    _check(_lib.sixnet_dataset_shape(pointer, dims, byref(rank), target_dims, byref(target_rank)))
    return tuple(dims[:rank.value]), tuple(target_dims[:target_rank.value]) or None


def _class_names(pointer: _Pointer) -> Tuple[str, ...]:
    names: List[str] = []
    while (name := _lib.sixnet_dataset_class_name(pointer, len(names))) is not None:
        names.append(name.decode(errors="surrogateescape"))
    return tuple(names)


class _Arrays(NamedTuple):
    """A source of samples, like the classes below; open() creates the library's dataset. Wide samples are transformed in double."""

    spec: bytes
    inputs: _Array
    targets: Optional[_Array]
    n: int

    @property
    def wide(self) -> bool:
        return self.inputs.kind in ("f64", "i32", "i64")

    def open(self, dataset: Dataset, context: Optional[_Resource]) -> None:
        dataset._create(_lib.sixnet_dataset_from_arrays, _lib.sixnet_dataset_free, context and context.pointer, self.spec,
                        self.inputs.address, self.targets and self.targets.address, self.n, keep=[context, self.inputs, self.targets])


class _IdxFiles(NamedTuple):
    images: bytes
    labels: Optional[bytes]

    @property
    def wide(self) -> bool:
        return False

    def open(self, dataset: Dataset, context: Optional[_Resource]) -> None:
        dataset._create(_lib.sixnet_dataset_from_idx, _lib.sixnet_dataset_free, context and context.pointer, self.images, self.labels,
                        keep=[context])


class _Path(NamedTuple):
    path: bytes
    spec: bytes

    @property
    def wide(self) -> bool:
        return False

    def open(self, dataset: Dataset, context: Optional[_Resource]) -> None:
        dataset._create(_lib.sixnet_dataset_open, _lib.sixnet_dataset_free, context and context.pointer, self.path, self.spec, keep=[context])


class _Calls(NamedTuple):
    function: Callable[[int], Tuple[Any, Any]]
    n: int
    shape: Shape
    target_shape: Shape
    dtype: str

    @property
    def wide(self) -> bool:
        return self.dtype == "f64"

    def open(self, dataset: Dataset, context: Optional[_Resource]) -> None:
        suffix = "_f64" if self.wide else ""
        thunk = _CALLBACKS[f"sixnet_sample{suffix}_fn"](lambda _user, *sample: _guarded(self._write, *sample))
        spec = _spec("", {"shape": self.shape, "target_shape": self.target_shape})
        dataset._create(getattr(_lib, f"sixnet_dataset_from_callback{suffix}"), _lib.sixnet_dataset_free, context and context.pointer, spec, self.n, thunk, None,
                        keep=[context, thunk])

    def _write(self, index: int, input_address: int, target_address: int) -> None:
        x, t = self.function(index)
        _copy_in(input_address, self.shape, self.dtype, x, f"the input of sample {index}")
        _copy_in(target_address, self.target_shape, self.dtype, t, f"the target of sample {index}")


class _Part(NamedTuple):
    whole: Any  # the source of the dataset that was split
    transforms: Tuple[str, ...]  # its transforms at that time
    spec: bytes
    which: int

    @property
    def wide(self) -> bool:
        return bool(self.whole.wide)

    def open(self, dataset: Dataset, context: Optional[_Resource]) -> None:
        whole = Dataset.__new__(Dataset)
        self.whole.open(whole, context)
        for spec in self.transforms:
            whole.add_transform(spec)
        dataset._resource, dataset._draws = whole._cut(self.spec)[self.which], whole._draws


class Dataset(_Handle):
    """A sequence of samples with optional targets, from arrays of float32, float64, uint8, int32 or int64. The arrays are borrowed: do
    not change them while the dataset is in use.

    Samples are float32, or float64 in a context with dtype f64. Inputs of float64, int32 and int64 are scaled and transformed in double
    in both cases; int64 beyond 2**53 is rounded to double first. Numbers in lists are float64.

    shape is that of one sample, target_shape that of one target; the defaults are the dimensions of the arrays after the first. scale
    multiplies the inputs: 1 / 255 for byte images. copy=True copies the arrays.
    """

    _draws = False  # whether a transform changes samples at random
    _transforms: Tuple[str, ...] = ()

    def __init__(self, inputs: Any, targets: Any = None, *, shape: Optional[Sequence[int]] = None,
                 target_shape: Optional[Sequence[int]] = None, scale: float = 1.0, copy: bool = False,
                 context: Optional[Context] = None) -> None:
        x = _array_in(inputs, tuple(_ELEMENTS), "f64", "inputs")
        shape = tuple(shape) if shape else x.shape[1:] or (1,)
        n = _rows(x.shape, shape, "inputs")
        spec = {"input_dtype": x.kind, "shape": shape, "scale": float(scale), "copy": False}
        t = None
        if targets is not None:
            t = _array_in(targets, tuple(_ELEMENTS), "f64", "targets")
            target_shape = tuple(target_shape) if target_shape else t.shape[1:] or (1,)
            spec.update(target_dtype=t.kind, target_shape=target_shape)
            if _rows(t.shape, target_shape, "targets") != n:
                raise _error(_BAD_SHAPE, f"there are {n} inputs, but {_rows(t.shape, target_shape, 'targets')} targets")
        self._begin(_Arrays(_spec("", spec), *(deepcopy((x, t)) if copy else (x, t)), n), context)

    _OWN, _HELD = ("_source", "_transforms", "_context", "_draws"), ("_source", "_context")

    def _begin(self, source: Any, context: Optional[Context]) -> Dataset:
        resource = None if context is None else _opened(context, Context, "context")
        self._source, self._context = source, None if context is None else _Parent(context)
        source.open(self, resource)
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        self._open()
        return _dataset_again, (type(self), self._source, self._context and self._context.get(), self._transforms), self._others()

    @classmethod
    def open(cls, path: Union[str, os.PathLike[str]], context: Optional[Context] = None, **options: Any) -> Dataset:
        """Reads samples from a path, whose content tells what it is: a folder of images (PNG, PGM, PPM) with a folder for each class, an image,
        or an IDX file. Options are those of the kind "dataset_open": channels, bits, resize, labels. Labels are in the order of `classes`."""
        if "labels" in options:
            options["labels"] = pathlib.Path(options["labels"])
        given = _Path(_path(path), _spec("", options))
        dataset = cls.__new__(cls)._begin(given, context)
        dataset._source = _Path(os.path.abspath(given.path), given.spec)
        return dataset

    @classmethod
    def from_idx(cls, images: Union[str, os.PathLike[str]], labels: Union[str, os.PathLike[str], None] = None,
                 context: Optional[Context] = None) -> Dataset:
        """Reads a pair of IDX files, optionally gzipped. Byte images become values from 0 to 1; labels become classes. Without
        labels the samples have no targets."""
        files = _IdxFiles(_path(images), _path(labels) if labels else None)
        dataset = cls.__new__(cls)._begin(files, context)
        dataset._source = _IdxFiles(os.path.abspath(files.images), files.labels and os.path.abspath(files.labels))
        return dataset

    @classmethod
    def from_function(cls, function: Callable[[int], Tuple[Any, Any]], n: int, shape: Sequence[int], target_shape: Sequence[int] = (1,),
                      context: Optional[Context] = None, dtype: Optional[str] = None) -> Dataset:
        """Creates a dataset of n samples that function(index) returns on demand, as a pair of input and target. The same index
        must always give the same sample. dtype is that of the values (default: the context's); with "f64" they are transformed in
        double."""
        if dtype not in (None, *_REALS):
            raise _error(_INVALID_ARGUMENT, f"dtype={dtype!r}, expected 'f32' or 'f64'")
        if context is not None:
            _opened(context, Context, "context")
        given = dtype or (context.dtype if context is not None else "f32")
        return cls.__new__(cls)._begin(_Calls(_function(function, "function"), n, tuple(shape), tuple(target_shape), given), context)

    def __len__(self) -> int:
        return int(self._get(_lib.sixnet_dataset_size))

    @property
    def shape(self) -> Shape:
        """Shape of one sample."""
        return self._get(_dataset_shapes)[0]

    @property
    def dtype(self) -> str:
        """Element type of the samples, "f32" or "f64": the context's."""
        return str(self._context.get().dtype) if self._context else "f32"

    @property
    def _exact(self) -> str:
        """The dtype that has all digits of the samples."""
        return "f64" if self._source.wide else self.dtype

    @property
    def classes(self) -> Tuple[str, ...]:
        """The names of the classes, in the order of their labels; empty if they have none."""
        return self._get(_class_names)

    @property
    def target_shape(self) -> Optional[Shape]:
        """Shape of one target; None for data without targets."""
        return self._get(_dataset_shapes)[1]

    def __getitem__(self, index: int) -> Tuple[Any, Any]:
        """Returns copies of one transformed sample and its target (None for data without targets)."""
        if isinstance(index, slice):
            raise TypeError("a dataset has no slices; split() makes two datasets of it, [dataset[i] for i in range(10, 20)] a list of samples")
        n, index = len(self), _whole(index, c_int64, "index")
        if not -n <= index < n:
            raise IndexError(f"the dataset has {n} samples; there is no number {_shown(index)}")
        shape, target_shape = self._get(_dataset_shapes)
        x, t = _array_out(shape, self.dtype), _array_out(target_shape, self.dtype) if target_shape else None
        self._run(_get_function(self.dtype), index % n, x.address, t and t.address)
        return x.array, t and t.array

    def add_transform(self, spec: str, **attributes: Any) -> Dataset:
        """Appends a transform applied to every sample, such as "normalize mean=0.1307 std=0.3081". Returns the dataset."""
        text = _spec(spec, attributes)
        self._call(_lib.sixnet_dataset_add_transform, text)
        self._transforms = (*self._transforms, text.decode())
        self._draws = self._draws or spec.split()[0] not in ("normalize", "one_hot")
        return self

    def split(self, first_size: Optional[int] = None, *, folds: Optional[int] = None, fold: int = 0, stratify: bool = False,
              seed: Optional[int] = None, shuffle: bool = True) -> Tuple[Dataset, Dataset]:
        """Splits the samples into two datasets, the first with first_size samples. The random split depends only on the seed.

        With folds=K in place of first_size the samples make K folds; the second dataset is fold number `fold`, from 0. stratify gives both
        parts the same share of each class."""
        spec = _spec("", {"first_size": first_size, "folds": folds, "fold": fold, "stratify": stratify, "seed": seed, "shuffle": shuffle})
        parts = self._again(), self._again()
        for index, resource in enumerate(self._cut(spec)):
            parts[index]._resource = resource
            parts[index]._source, parts[index]._transforms = _Part(self._source, self._transforms, spec, index), ()
        return parts

    def _cut(self, spec: bytes) -> Tuple[_Resource, _Resource]:
        resource, (one, two) = self._open(), (_type("sixnet_dataset *")(), _type("sixnet_dataset *")())
        with resource.lock:
            _check(_lib.sixnet_dataset_split(byref(one), byref(two), resource.pointer, spec))
        return (_Resource(one, _lib.sixnet_dataset_free, resource.keep), _Resource(two, _lib.sixnet_dataset_free, resource.keep))

    def batches(self, batch_size: int, *, shuffle: bool = True, seed: Optional[int] = None, drop_last: bool = False,
                balance: bool = False) -> Batches:
        """Returns an iterable of batches; each iteration over it is one epoch. balance yields all classes equally often."""
        return Batches(self, batch_size=batch_size, shuffle=shuffle, seed=seed, drop_last=drop_last, balance=balance)

    def __repr__(self) -> str:
        if self.closed:
            return "<sixnet.Dataset, closed>"
        return f"<sixnet.Dataset, {len(self)} samples of shape {self.shape}, targets of shape {self.target_shape}>"


def _dataset_again(kind: Type[Dataset], source: Any, context: Optional[Context], transforms: Tuple[str, ...]) -> Dataset:
    dataset = kind.__new__(kind)._begin(source, context)
    for spec in transforms:
        dataset.add_transform(spec)
    return dataset


class Batches(_Handle):
    """Yields a dataset in batches: pairs of copies of the inputs and of the targets (None for data without targets).

        for epoch in range(20):
            for x, t in batches: ...

    Each iteration is one epoch, and is independent of other iterations.
    """

    def __init__(self, dataset: Dataset, **options: Any) -> None:
        self._data, self._options = _opened(dataset, Dataset, "dataset"), options
        self._dataset = _Parent(dataset)
        self._shape, self._target_shape = dataset._get(_dataset_shapes)
        self.dtype = dataset.dtype  #: of the arrays
        self.epoch = 0  #: the next iteration's; its order depends on it and on the seed only
        self._resumed = False
        self._renew()

    def _renew(self) -> _Resource:
        self._create(_lib.sixnet_batch_iterator_new, _lib.sixnet_batch_iterator_free, self._data.pointer, _spec("", self._options),
                     keep=[self._data])
        return self._open()

    _OWN, _HELD = ("_data", "_options", "_dataset", "_shape", "_target_shape", "dtype", "epoch", "_resumed"), ("_data", "_dataset")

    def __reduce__(self) -> Tuple[Any, ...]:
        """With the epoch of the next iteration; those that have begun are not a part of it."""
        self._open()
        within = self.position[1] if self._resumed else 0
        return _batches_again, (type(self), self._dataset.get(), self._options, self.epoch, within), self._others()

    def _next(self, iterator: _Resource) -> Optional[Tuple[Any, Any]]:
        x, t, n = c_void_p(), c_void_p(), c_int64()
        following = _lib.sixnet_batch_iterator_next if self.dtype == "f32" else _lib.sixnet_batch_iterator_next_f64
        with iterator.lock:
            with _InterruptsHeld(None):
                _check(following(iterator.pointer, byref(x), byref(t), byref(n)))
            if not n.value:
                return None
            targets = _copy_out(t.value, (n.value, *self._target_shape), self.dtype) if t.value and self._target_shape else None
            return _copy_out(x.value or 0, (n.value, *self._shape), self.dtype), targets

    @property
    def position(self) -> Tuple[int, int]:
        """Epoch of the last iteration, and the number of its samples that were yielded."""
        epoch, position = c_int64(), c_int64()
        self._call(_lib.sixnet_batch_iterator_position, byref(epoch), byref(position))
        return epoch.value, position.value

    def _resume(self) -> None:
        """After a checkpoint was loaded, the next iteration goes on within its epoch."""
        self.epoch, self._resumed = self.position[0], True

    def __iter__(self) -> Iterator[Tuple[Any, Any]]:
        iterator = self._open()
        if not self._resumed:
            iterator = self._renew()
            _check(_lib.sixnet_batch_iterator_start_epoch(iterator.pointer, self.epoch))
        self._resumed = False
        self.epoch += 1
        return self._rest(iterator)

    def _rest(self, iterator: _Resource) -> Iterator[Tuple[Any, Any]]:
        self._open()
        batch = self._next(iterator)
        while batch is not None:
            yield batch
            self._open()
            batch = self._next(iterator)


def _batches_again(kind: Type[Batches], dataset: Dataset, options: Dict[str, Any], epoch: int, within: int) -> Batches:
    batches = kind.__new__(kind)
    Batches.__init__(batches, dataset, **options)
    batches.epoch = epoch
    if within:
        iterator = batches._open()
        _check(_lib.sixnet_batch_iterator_start_epoch(iterator.pointer, epoch))
        while batches.position[1] < within and batches._next(iterator):
            pass
        batches._resumed = True
    return batches


# ---- model ----


def _write_all(file: BinaryIO, address: int, size: int) -> None:
    data = memoryview(ctypes.string_at(address, size))
    while data:
        written: Any = file.write(data)
        if written is None and not isinstance(file, io.RawIOBase):
            return  # a file-like object that does not count
        if not isinstance(written, int) or not 0 < written <= len(data):
            raise OSError(f"the file's write() of {len(data)} bytes returned {_shown(written)}")
        data = data[written:]


def _read_some(file: BinaryIO, address: int, size: int) -> int:
    """How many bytes a file has given, at most size."""
    given: Any = file.read(size)
    if not isinstance(given, (bytes, bytearray, memoryview)):
        raise TypeError(f"the file's read() returned {_shown(given)}, expected bytes, as from a file opened in binary mode")
    data = bytes(given)
    if len(data) > size:
        raise OSError(f"the file's read({size}) returned {len(data)} bytes")
    ctypes.memmove(address, data, len(data))
    return len(data)


class Node(NamedTuple):
    """One node of a model: number, name, kind, line of text, per-sample shape of its first output, and shapes of all outputs."""

    index: int  # type: ignore[assignment]
    name: str
    kind: str
    spec: str
    shape: Shape
    outputs: Tuple[Shape, ...]


class Progress(NamedTuple):
    """State of a running fit(). Losses and accuracies are those of the epoch so far; NaN if there is no value."""

    epoch_end: bool  #: at the end of an epoch, otherwise after a batch
    epoch: int
    epochs: int
    batch: int
    batches: int
    samples: int
    loss: float
    accuracy: float
    lr: float
    seconds: float
    total_seconds: float
    validation_loss: float
    validation_accuracy: float
    best_epoch: int  #: by validation accuracy, or else by validation loss, or else by loss; 0 before the first
    best_loss: float
    best_accuracy: float
    skipped: int  #: samples of the epoch that on_nan="skip" has left out
    resume_changes: int  #: settings that were changed when the run was resumed


class Epoch(NamedTuple):
    """One epoch of Model.history; NaN if there is no value."""

    lr: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


class Diagnostic(NamedTuple):
    """A problem that fit(diagnostics=True) found: its name, the layer, epoch and batch, all in one line of text, and the usual
    remedy."""

    name: str
    node: str
    epoch: int
    batch: int
    text: str
    remedy: str


class Evaluation(NamedTuple):
    """Result of evaluate(); accuracy is NaN for a loss without accuracy, such as mse."""

    loss: float
    accuracy: float


class GradientCheck(NamedTuple):
    """Largest difference between an analytic and a numeric gradient, and the name of its value."""

    worst: float
    where: str


def _progress(pointer: _Pointer) -> Progress:
    values = {name: _lib.sixnet_progress_get(pointer, name.encode()) for name in Progress._fields}
    for name in ("epoch", "epochs", "batch", "batches", "samples", "best_epoch", "skipped", "resume_changes"):
        values[name] = 0 if math.isnan(values[name]) else int(values[name])
    return Progress(**{**values, "epoch_end": bool(values["epoch_end"])})


class _Bar:
    """Progress line of a fit() that takes more than two seconds, on a terminal."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._wanted = bool(self._stream and self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
                            and threading.current_thread() is threading.main_thread())
        self._due = time.monotonic() + 2
        self._shown = False

    def due(self) -> bool:
        return self._wanted and time.monotonic() >= self._due

    def show(self, now: Progress) -> None:
        share = (now.epoch - 1 + now.batch / now.batches) / now.epochs
        left = int(now.total_seconds * (1 - share) / share)
        line = f"epoch {now.epoch}/{now.epochs}  {100 * now.batch // now.batches:3} %  loss {now.loss:.4g}"
        line += f"  {left // 60}:{left % 60:02} left"
        self._write(line[:_columns(self._stream) - 1])
        self._due = time.monotonic() + 0.1
        self._shown = True

    def end(self) -> None:
        if self._shown:
            self._write("")
        self._shown = False

    def _write(self, line: str) -> None:
        self._stream.write(f"\r{line}\033[K")
        self._stream.flush()


def _columns(terminal: TextIO) -> int:
    """How wide it is: what COLUMNS says, or else the terminal."""
    wish = os.environ.get("COLUMNS", "")
    try:
        return int(wish) if wish.isdecimal() and int(wish) > 0 else os.get_terminal_size(terminal.fileno()).columns or 80
    except OSError:
        return 80


class _Record:
    """A folder with all that it takes to repeat a fit(), in the form of `sixnet train --run-dir`, so that `sixnet rerun` repeats it. It has
    the samples too, as the net was given them."""

    _KEPT = ("checkpoint", "checkpoint_epochs", "checkpoint_seconds", "checkpoint_keep", "checkpoint_best", "resume", "diagnostics")

    def __init__(self, folder: Union[str, os.PathLike[str]]) -> None:
        self._folder = pathlib.Path(folder)
        self.checkpoint = self._folder / "checkpoint.safetensors"

    def begin(self, net: Model, sets: Sequence[Optional[Dataset]], settings: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        """Writes what decides the result. Of a run that goes on all of it is there."""
        if net._open().stepped:
            raise _error(_INVALID_ARGUMENT, "run_dir: the net was trained before; save it, and load it, to begin a record with its values")
        if any(data is not None and data._draws for data in sets):
            raise _error(_INVALID_ARGUMENT, "run_dir: a Dataset that transforms at random cannot be recorded; give arrays, and augment")
        self._folder.mkdir(exist_ok=True)
        if self.checkpoint.exists() or (self._folder / "result.txt").exists():
            raise _error(_INVALID_ARGUMENT, f"run_dir: '{self._folder}' has a record already; choose another folder, or go on with resume")
        net.save(self._folder / "start.safetensors")
        words: Dict[str, Any] = {"net": "start.safetensors"}
        for data, keys in zip(sets, (("data", "targets"), ("test-data", "test-targets"))):
            if data is not None:
                words.update({key: f"{key}.npy" for key in keys})
                self._write_samples(data, keys)
        rest = {name: value for name, value in options.items() if name not in (*self._KEPT, "on_nan")}
        words.update({name: value for name, value in settings.items() if value is not None})
        if options.get("on_nan"):
            words["on-nan"] = str(options["on_nan"])
        words["fit-options"] = _spec("", rest).decode()
        head = f"# A training by sixnet.py, libsixnet {version}; `sixnet rerun` with this folder repeats it.\n"
        lines = [(name, value) for name, given in words.items() for value in (given if isinstance(given, list) else [given])]
        self._write("settings.txt", head + "".join(f"{name}={' '.join(str(value).split())}\n" for name, value in lines))

    def ended(self, net: Model) -> bool:
        """Whether the result of the net as it is has been written; a run that goes on with no epoch left has nothing to add."""
        result = self._folder / "result.txt"
        return result.exists() and f"digest={net.digest()}" in result.read_text(encoding="utf-8").splitlines()

    def end(self, net: Model, seconds: float, resume_changes: int) -> None:
        net.save(self._folder / "model.safetensors")
        columns = "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds\n"
        rows = ["".join(f",{x:.9g}" if math.isfinite(x) else "," for x in epoch) for epoch in net.history]
        self._write("history.csv", columns + "".join(f"{k + 1}{row},\n" for k, row in enumerate(rows)))
        self._write("result.txt", f"digest={net.digest()}\nversion={version}\nisa={net.context.isa}\nepochs={len(rows)}\n"
                                  f"seconds={seconds:.3f}\n" + (f"resume-changes={resume_changes}\n" if resume_changes else ""))

    def _open(self, name: str) -> BinaryIO:
        """A new file in the place of one of that name, which may be a link that others have planted: none is followed."""
        made = self._folder / f".sixnet-{os.urandom(8).hex()}"
        file = os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")
        try:
            if (self._folder / name).is_symlink():
                raise _error(_IO_ERROR, f"run_dir: '{self._folder / name}' is a symbolic link, which is not followed")
            os.replace(made, self._folder / name)
        except BaseException:
            file.close()
            made.unlink()
            raise
        return file

    def _write(self, name: str, text: str) -> None:
        with self._open(name) as file:
            file.write(text.encode())

    def _write_samples(self, data: Dataset, names: Sequence[str]) -> None:
        """As NPY, with all digits: what the library makes of the file is what it makes of the samples."""
        element = _ELEMENTS[data._exact]
        sizes = [math.prod(shape) if shape else 0 for shape in (data.shape, data.target_shape)]
        rows = [(element.ctype * size)() for size in sizes]
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(self._open(f"{name}.npy")) for name in names]
            for file, size in zip(files, sizes):
                order = "<" if sys.byteorder == "little" else ">"
                head = f"{{'descr': '{order}f{element.size}', 'fortran_order': False, 'shape': ({len(data)}, {size}), }}"
                head = head.ljust(128 - 11) + "\n"
                file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
            for index in range(len(data)):
                data._run(_get_function(data._exact), index, *(ctypes.addressof(row) for row in rows))
                for file, row in zip(files, rows):
                    file.write(bytes(row))


class _Ends(NamedTuple):
    """Per-sample shapes of a net's input, output and target."""

    kind: str  # of the tensors
    input: Shape
    output_node: int
    output: Shape
    target: Optional[Shape]


def _find_ends(net: _Pointer, kind: str) -> _Ends:
    node = c_int32()
    output = _shape(lambda *room: _lib.sixnet_model_shape(net, b"output", *room, byref(node)))
    try:
        target: Optional[Shape] = _shape(lambda *room: _lib.sixnet_model_shape(net, b"target", *room, None))
    except NotFoundError:
        target = None
    return _Ends(kind, _shape(lambda *room: _lib.sixnet_model_shape(net, b"input", *room, None)), node.value, output, target)


def _samples(values: Any, kind: str, shape: Shape, what: str) -> Tuple[_Array, int]:
    """Samples for the library to read, and how many."""
    given = _array_in(values, _REALS, kind, what)
    return given, _rows(given.shape, shape, what)


def _writable(out: Any, shape: Shape, kind: str) -> int:
    """The address of an array of the caller's."""
    try:
        view = memoryview(out)
    except TypeError:
        raise TypeError(f"out: expected an array that can be written, got {_shown(out)}") from None
    fits = _kind_of(view.format, view.itemsize) == kind and math.prod(view.shape or ()) == math.prod(shape)
    if view.readonly or not view.c_contiguous or not fits:
        raise _error(_BAD_SHAPE, f"out must be a writable C-contiguous {_names((kind,))} array of shape {shape}")
    return ctypes.addressof(ctypes.c_char.from_buffer(view)) if view.nbytes else 0


def _predict(handle: _Handle, net: _Pointer, ends: _Ends, functions: Mapping[str, Callable[..., int]], inputs: Any, out: Any) -> Any:
    x, n = _samples(inputs, ends.kind, ends.input, "inputs")
    shape, given = (n, *ends.output), out
    if out is None:
        place = _array_out(shape, x.kind)
        address, given = place.address, place.array
    else:
        address = _writable(out, shape, x.kind)
        size = _ELEMENTS[x.kind].size
        if address < x.address + math.prod(x.shape) * size and x.address < address + math.prod(shape) * size:
            raise _error(_INVALID_ARGUMENT, "out overlaps the inputs, which are read while it is written")
    handle._run_whole(net, functions[x.kind], x.address, n, address)
    return given


class Model(_Handle, Mapping[str, Any]):
    """A net: a graph of layers with their tensors. Created from a net's text, one layer per line, or layer by layer:

        net = sixnet.Model()
        x = net.add("input shape=1x28x28")
        x = net.add("conv2d out_channels=8 kernel_size=3 padding=1", x)
        y = net.add("relu", x)
        net.add("add", x, y)
        net.compile()

    A model is a mapping of its parameters and buffers by name: net["conv1.weight"] is a read-only view of the library's memory, which
    training updates; net["conv1.weight"] = values overwrites the tensor. repr() is a summary in the format of PyTorch's torchsummary.
    """

    _ends: Optional[_Ends] = None  # once it is compiled

    def __init__(self, text: Optional[str] = None, context: Optional[Context] = None) -> None:
        if text is None:
            self._make(context, _lib.sixnet_model_new)
        else:
            self._make(context, _lib.sixnet_model_parse, _text(text))
            self._ends = self._get(_find_ends, self._kind)

    def _make(self, context: Optional[Context], function: Callable[..., int], *args: Any) -> None:
        self.context = Context() if context is None else context
        resource = _opened(self.context, Context, "context")
        self._context = _Parent(self.context)
        self._retained: Tuple[int, ...] = ()
        self._settings: Tuple[Tuple[int, str], ...] = ()  # of tensors, before it is compiled: how many nodes there were, the line
        self._kind = self.context.dtype
        self._batch = 0  # samples of the last forward pass
        self._create(function, _lib.sixnet_model_free, resource.pointer, *args, keep=[resource])

    # files

    def save(self, file: Union[str, os.PathLike[str], BinaryIO], *, sync: bool = True) -> None:
        """Saves the model as a safetensors file: to a path, replacing the old file atomically, or to an open file."""
        if hasattr(file, "write"):
            thunk = _CALLBACKS["sixnet_write_fn"](lambda _user, data, size: _guarded(_write_all, file, data, size))
            self._run(_lib.sixnet_model_save_to_stream, thunk, None)
        else:
            self._call(_lib.sixnet_model_save, _path(file), _spec("", {"sync": sync}))

    @classmethod
    def load(cls, file: Union[str, os.PathLike[str], BinaryIO, bytes], context: Optional[Context] = None, **options: Any) -> Model:
        """Loads a model from a file of save() or save_checkpoint(): a path, an open file, or bytes. options: max_bytes, checksum,
        check_values, the options kind "model_load". Custom layers must be registered with the context."""
        net, spec = cls.__new__(cls), _spec("", options)
        if hasattr(file, "read"):
            source: Any = file
            thunk = _CALLBACKS["sixnet_read_fn"](lambda _user, data, size: _guarded_count(_read_some, source, data, size))
            net._make(context, _lib.sixnet_model_load_from_stream, thunk, None, spec)
        elif isinstance(file, (bytes, bytearray, memoryview)):
            net._make(context, _lib.sixnet_model_load_from_buffer, bytes(file), len(file), spec)
        else:
            net._make(context, _lib.sixnet_model_load, _path(file), spec)
        net._ends = net._get(_find_ends, net._kind)
        return net

    def load_weights(self, file: Union[str, os.PathLike[str], bytes], *, strict: bool = True, **options: Any) -> str:
        """Loads tensors by name from any safetensors file, a path or bytes. strict rejects missing and extra tensors; shapes must
        always match. Returns the differences, one per line: "missing: NAME, NAME", "unexpected: ..."."""
        report, spec = c_char_p(), _spec("", {"strict": strict, **options})
        with self._open().lock:
            if isinstance(file, (bytes, bytearray, memoryview)):
                self._call(_lib.sixnet_model_load_weights_from_buffer, bytes(file), len(file), spec, byref(report))
            else:
                self._call(_lib.sixnet_model_load_weights, _path(file), spec, byref(report))
            return (report.value or b"").decode(errors="replace")

    # building

    def add(self, spec: str, *inputs: Union[int, str], **attributes: Any) -> int:
        """Appends a layer or a loss whose inputs are the given nodes, or the node added last. Returns its number. A node is given
        by number or name and stands for its first output; "NODE:OUTPUT" or node_output() selects another. A failed call leaves
        the model unchanged."""
        resource = self._open()
        with resource.lock:
            text, nodes = _spec(spec, attributes), [self._node(node) for node in inputs]
            if not nodes and spec.split()[:1] != ["input"]:
                nodes = [_lib.sixnet_node_count(resource.pointer) - 1]
            node: int = _lib.sixnet_model_add_multi(resource.pointer, text, _whole_array(nodes, c_int32, "inputs"), len(nodes))
            if node < 0:
                _pending.take()
                _check(_lib.sixnet_model_compile(resource.pointer))  # the status and message of the first error
                raise _error(_BAD_STATE, "the layer was not added")
            return node

    def retain(self, node: Union[int, str]) -> None:
        """Keeps a node's values and gradients for node_values() and node_gradient(). Call before compile()."""
        index = self._node(node)
        self._call(_lib.sixnet_node_retain, index)
        self._retained = (*self._retained, index)

    def set_tensors(self, pattern: str, *, trainable: Optional[bool] = None, lr_scale: Optional[float] = None,
                    weight_decay: Union[float, str, None] = None) -> None:
        """Sets how the tensors whose names match a pattern are trained; saved with the model.

            net.set_tensors("conv1.*", trainable=False)                 # "*" matches any characters, "?" one
            net.set_tensors("linear1.weight", lr_scale=0.1, weight_decay=0)

        trainable=False freezes them: no gradient, no optimizer state, and a batch norm whose tensors are all frozen uses its running
        statistics; it cannot change while the model has an optimizer. lr_scale multiplies the learning rate. weight_decay replaces the
        optimizer's; weight_decay="optimizer" reverts it."""
        self._set_tensors(pattern, _spec("", {"trainable": trainable, "lr_scale": lr_scale, "weight_decay": weight_decay}))

    def _set_tensors(self, pattern: str, settings: bytes) -> None:
        self._call(_lib.sixnet_model_set_tensors, _text(pattern), settings)
        if self._ends is None:
            self._settings = (*self._settings, (len(self.nodes), f"tensors match={pattern} {settings.decode()}"))

    def tensor_setting(self, name: str, key: str) -> float:
        """Returns a setting of a tensor: "trainable" (1 or 0), "lr_scale", "weight_decay" (-1: the optimizer's), or "parameter"
        (1 for a parameter, frozen or not; 0 for a buffer)."""
        value = float(self._get(_lib.sixnet_tensor_setting, _text(name), _text(key)))
        if math.isnan(value):
            raise _error(_NOT_FOUND, _decoded(_lib.sixnet_last_error()))
        return value

    def compile(self) -> Model:
        """Checks the graph, plans its memory and initializes the parameters. Returns the model."""
        self._call(_lib.sixnet_model_compile)
        self._ends = self._get(_find_ends, self._kind)
        return self

    def copy(self) -> Model:
        """Returns an independent copy of a compiled model; training both with the same data gives bit-identical results."""
        self._compiled()
        twin, resource = self._again(), self._open()
        with resource.lock:
            twin._create(_lib.sixnet_model_copy, _lib.sixnet_model_free, resource.pointer, keep=resource.keep)
            twin._open().stepped = resource.stepped
        return twin

    _OWN, _HELD = ("context", "_context", "_retained", "_settings", "_kind", "_batch", "_ends"), ("_context",)

    def __copy__(self) -> Model:
        if self._ends is None:
            kind, given, others = self.__reduce__()
            twin: Model = kind(*given)
            twin.__dict__.update(others)
            return twin
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Model:
        twin = self.__copy__()
        twin.__dict__.update(deepcopy(self._others(), memo))
        return twin

    def __reduce__(self) -> Tuple[Any, ...]:
        """Its nodes, tensors with their settings, and counters of random numbers; not its gradients, and not its history."""
        lines, stepped = self.text.splitlines() if self._ends else self._lines(), self._open().stepped
        state = _state_of(Optimizer(self, "sgd lr=0")) if self._ends else None
        return _model_again, (type(self), self._context.get(), lines, self._retained, state, stepped), self._others()

    def _lines(self) -> List[str]:
        """The text of a model that is not compiled yet: settings of tensors stand below the nodes that were there."""
        placed = [*((node.index + 1, 0, node.spec) for node in self.nodes), *((count, 1, line) for count, line in self._settings)]
        return [line for _, _, line in sorted(placed, key=operator.itemgetter(0, 1))]

    def reset(self, seed: int) -> None:
        """Reinitializes all parameters and running statistics."""
        self._call(_lib.sixnet_model_reset, seed)

    def memory_needed(self, n: int, training: bool = True) -> int:
        """Returns the memory in bytes that a pass over n samples will use, excluding optimizer state."""
        needed = c_uint64()
        self._call(_lib.sixnet_model_memory_needed, n, bool(training), byref(needed))
        return needed.value

    # looking at it

    def find(self, name: str) -> int:
        """Returns the number of the node with a name."""
        node = int(self._get(_lib.sixnet_node_find, _text(name)))
        if node < 0:
            raise _error(_NOT_FOUND, f"there is no node '{name}'")
        return node

    def node_output(self, node: Union[int, str], output: Union[int, str]) -> int:
        """Returns a handle for one output of a node with several, by the output's name or number. add(), retain(), node_values()
        and node_gradient() accept it in place of the node, as they accept "NODE:OUTPUT"."""
        word = output if isinstance(output, str) else str(_whole(output, c_int32, "output"))
        found = int(self._get(_lib.sixnet_node_output, self._node(node), _text(word)))
        if found < 0:
            raise _error(_NOT_FOUND, f"node {_shown(node)} has no output {_shown(output)}")
        return found

    def _node(self, node: Union[int, str]) -> int:
        if not isinstance(node, str):
            return node
        name, colon, output = node.partition(":")
        return self.node_output(name, output) if colon else self.find(name)

    @property
    def nodes(self) -> List[Node]:
        """All nodes in the order of add()."""
        return self._get(lambda net: [self._describe(net, i) for i in range(_lib.sixnet_node_count(net))])

    @staticmethod
    def _describe(net: _Pointer, index: int) -> Node:
        name, kind, spec = (_decoded(_lib.sixnet_node_get(net, index, field)) for field in (b"name", b"kind", b"spec"))
        outputs = [_shape(_lib.sixnet_node_shape, net, index)]
        while (output := _lib.sixnet_node_output(net, index, b"%d" % len(outputs))) >= 0:
            outputs.append(_shape(_lib.sixnet_node_shape, net, output))
        return Node(index, name, kind, spec, outputs[0], tuple(outputs))

    def _compiled(self) -> _Ends:
        self._open()
        if self._ends is None:
            raise _error(_BAD_STATE, "the model is not compiled; call compile() first")
        return self._ends

    @property
    def input_shape(self) -> Shape:
        """Per-sample shape of the input; for several inputs one dimension, their total size."""
        return self._compiled().input

    @property
    def output_shape(self) -> Shape:
        """Per-sample shape of the output of predict()."""
        return self._compiled().output

    @property
    def target_shape(self) -> Optional[Shape]:
        """Per-sample shape of the target; None without a loss."""
        return self._compiled().target

    @property
    def text(self) -> str:
        """The net as text for Model()."""
        self._compiled()
        return _decoded(self._get(_lib.sixnet_model_text))

    def summary(self) -> str:
        """Returns a table of layers, output shapes and parameter counts in the format of PyTorch's torchsummary."""
        self._compiled()
        return _decoded(self._get(_lib.sixnet_model_summary))

    def __repr__(self) -> str:
        if self.closed:
            return "<sixnet.Model, closed>"
        return self.summary().rstrip("\n") if self._ends else f"<sixnet.Model, {len(self.nodes)} nodes, not compiled>"

    def digest(self) -> str:
        """Returns the SHA-256 of all tensors, 64 hexadecimal digits."""
        digest = ctypes.create_string_buffer(65)
        self._call(_lib.sixnet_model_digest, digest)
        return digest.value.decode()

    # tensors

    def _tensor_shape(self, name: str) -> Shape:
        try:
            word = _text(name)
        except (TypeError, ValueError):
            raise _error(_NOT_FOUND, f"there is no tensor {_shown(name)}") from None
        return self._get(lambda net: _shape(lambda *room: _lib.sixnet_tensor_shape(net, word, *room, None)))

    def keys(self) -> List[str]:  # type: ignore[override]
        """Names of all parameters and buffers in graph order."""
        return self._get(lambda net: [_decoded(_lib.sixnet_tensor_name(net, i)) for i in range(_lib.sixnet_tensor_count(net))])

    def is_parameter(self, name: str) -> bool:
        """Returns True for a parameter that is trained, False for a frozen parameter or a buffer such as running statistics."""
        dims, rank, trained = (c_int64 * 8)(), c_int32(), c_int32()
        self._call(_lib.sixnet_tensor_shape, _text(name), dims, byref(rank), byref(trained))
        return bool(trained.value)

    def __getitem__(self, name: str) -> Any:
        shape, resource = self._tensor_shape(name), self._open()
        return _view(_lib.sixnet_tensor_data(resource.pointer, _text(name), None), shape, self._kind, resource)

    def __setitem__(self, name: str, values: Any) -> None:
        self._set(name, self._tensor_in(name, values))

    def _tensor_in(self, name: str, values: Any) -> _Array:
        shape = self._tensor_shape(name)
        given = _array_in(values, _REALS, self._kind, name, quiet=True)
        if given.shape not in (shape, (math.prod(shape),)):
            raise _error(_BAD_SHAPE, f"{name} has the shape {shape}, not {given.shape}")
        return given

    def _set(self, name: str, given: _Array) -> None:
        function = _lib.sixnet_tensor_set if given.kind == "f32" else _lib.sixnet_tensor_set_f64
        self._call(function, _text(name), given.address, math.prod(given.shape))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return int(self._get(_lib.sixnet_tensor_count))

    def __bool__(self) -> bool:
        return True

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def gradient(self, name: str, dtype: Optional[str] = None) -> Any:
        """Returns a copy of a parameter's gradient: the sum since the last zero_grad()."""
        kind = self._real(dtype)
        out = _array_out(self._tensor_shape(name), kind)
        self._call(_lib.sixnet_tensor_gradient if kind == "f32" else _lib.sixnet_tensor_gradient_f64, _text(name), out.address, out.count)
        return out.array

    def state_dict(self) -> Dict[str, Any]:
        """Returns copies of all parameters and buffers by name, as PyTorch names them."""
        shapes = {name: self._tensor_shape(name) for name in self.keys()}
        return {name: self._get(self._copy, name, shape) for name, shape in shapes.items()}

    def _copy(self, net: _Pointer, name: str, shape: Shape) -> Any:
        return _copy_out(_lib.sixnet_tensor_data(net, _text(name), None), shape, self._kind)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Overwrites parameters and buffers, all or none. state may be that of a PyTorch module; num_batches_tracked is ignored.
        strict rejects missing and unknown names."""
        if not hasattr(state, "items"):
            raise TypeError(f"state: expected a mapping of names to arrays, got {_shown(state)}")
        given = {name: values for name, values in state.items() if not str(name).endswith("num_batches_tracked")}
        missing, unknown = [n for n in self.keys() if n not in given], [n for n in given if n not in self.keys()]
        if strict and (missing or unknown):
            raise _error(_NOT_FOUND, f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(map(str, unknown)) or 'none'}")
        tensors = {name: self._tensor_in(name, values) for name, values in given.items() if name not in unknown}
        for name, tensor in tensors.items():
            self._set(name, tensor)

    # the open loop

    def forward(self, inputs: Any) -> None:
        """Runs a training forward pass; node_values() returns its output."""
        x, n = _samples(inputs, self._kind, self._compiled().input, "inputs")
        with self._open().lock:
            self._run(_lib.sixnet_model_forward if x.kind == "f32" else _lib.sixnet_model_forward_f64, x.address, n)
            self._batch, self._open().stepped = n, True

    def _of_batch(self, values: Any, shape: Shape, what: str) -> _Array:
        given, n = _samples(values, self._kind, shape, what)
        if n != self._batch:
            raise _error(_BAD_SHAPE, f"{what}: {n} samples, but the forward pass was of {self._batch}")
        return given

    def loss(self, targets: Any) -> float:
        """Computes the loss of the last forward(). Targets are classes for nll and for cross_entropy (unless
        targets=probabilities)."""
        loss, shape = c_double(), self._compiled().target
        with self._open().lock, self._explained(targets):
            t = self._of_batch(targets, shape, "targets") if shape else _array_in(targets, _REALS, self._kind, "targets")
            self._run(_lib.sixnet_model_loss if t.kind == "f32" else _lib.sixnet_model_loss_f64, t.address, byref(loss))
        return loss.value

    def backward(self, gradient: Any = None) -> None:
        """Adds the gradients of the last loss() to the parameters' gradients. For a custom loss, pass its derivative with respect
        to the net's output."""
        if gradient is None:
            self._run(_lib.sixnet_model_backward)
            return
        with self._open().lock:
            dy = self._of_batch(gradient, self._compiled().output, "gradient")
            self._run(_lib.sixnet_model_backward_from if dy.kind == "f32" else _lib.sixnet_model_backward_from_f64, dy.address)

    def node_values(self, node: Union[int, str, None] = None, dtype: Optional[str] = None) -> Any:
        """Returns a copy of a retained node's values from the last forward(); without a node, of the net's output."""
        return self._node_values(node, dtype, {"f32": _lib.sixnet_node_values, "f64": _lib.sixnet_node_values_f64})

    def node_gradient(self, node: Union[int, str], dtype: Optional[str] = None) -> Any:
        """Returns a copy of the gradient of the loss with respect to a retained node's values, from the last backward()."""
        return self._node_values(node, dtype, {"f32": _lib.sixnet_node_gradient, "f64": _lib.sixnet_node_gradient_f64})

    def _node_values(self, node: Union[int, str, None], dtype: Optional[str], functions: Mapping[str, Callable[..., int]]) -> Any:
        ends, kind = self._compiled(), self._real(dtype)
        index = ends.output_node if node is None else self._node(node)
        with self._open().lock:
            out = _array_out((self._batch, *self._get(lambda net: _shape(_lib.sixnet_node_shape, net, index))), kind)
            self._call(functions[kind], index, out.address, out.count)
        return out.array

    def _real(self, dtype: Optional[str]) -> str:
        """A type asked for; the context's if none is."""
        if dtype is not None and dtype not in _REALS:
            raise _error(_INVALID_ARGUMENT, f"dtype: expected 'f32' or 'f64', got {_shown(dtype)}")
        return dtype or self._kind

    def zero_grad(self) -> None:
        """Sets all gradients to zero."""
        self._call(_lib.sixnet_model_zero_grad)

    def predict(self, inputs: Any, out: Any = None) -> Any:
        """Runs inference. Returns the net's output in the type of the inputs, or writes it to out, a C-contiguous array."""
        functions = {"f32": _lib.sixnet_model_predict, "f64": _lib.sixnet_model_predict_f64}
        return _predict(self, self._open().pointer, self._compiled(), functions, inputs, out)

    def cancel(self, on: bool = True) -> None:
        """Cancels calls on the model in other threads: fit() stops after the current batch, other calls raise CancelledError.
        Later calls are cancelled too, until cancel(False)."""
        _lib.sixnet_model_cancel(self._open().pointer, bool(on))

    def gradient_check(self, inputs: Any, targets: Any) -> GradientCheck:
        """Verifies all gradients against numeric ones. Use a context with dtype f64."""
        ends, worst, where = self._compiled(), c_double(), c_char_p()
        x = _array_in(inputs, ("f64",), "f64", "inputs", quiet=True)
        t = _array_in(targets, ("f64",), "f64", "targets", quiet=True)
        n = _rows(x.shape, ends.input, "inputs")
        with self._explained(targets):
            if ends.target and _rows(t.shape, ends.target, "targets") != n:
                raise _error(_BAD_SHAPE, f"there are {n} inputs, but {_rows(t.shape, ends.target, 'targets')} targets")
        self._run_whole(self._open().pointer, _lib.sixnet_model_gradient_check, x.address, t.address, n, byref(worst), byref(where))
        return GradientCheck(worst.value, _decoded(where.value))

    # where the time goes

    def profile(self, on: bool = True) -> None:
        """Starts a profile with all counters at zero, or ends it."""
        self._call(_lib.sixnet_model_profile, bool(on))

    def profile_get(self, node: Union[int, str], key: str) -> float:
        """Returns one counter of a node (NO_NODE for work that belongs to no single node): "forward_" or "backward_" followed by
        "seconds", "calls", "passes", "samples", "flops" or "bytes". NaN without a profile."""
        return float(self._get(_lib.sixnet_model_profile_get, self._node(node), _text(key)))

    # training

    def _dataset(self, inputs: Any, targets: Any) -> Dataset:
        if isinstance(inputs, Dataset):
            if targets is not None:
                raise _error(_INVALID_ARGUMENT, "a Dataset has targets of its own")
            return inputs
        ends = self._compiled()
        with self._explained(targets):
            return Dataset(inputs, targets, shape=ends.input, target_shape=ends.target, context=self.context)

    @contextlib.contextmanager
    def _explained(self, targets: Any) -> Iterator[None]:
        """Replaces the message about targets of a wrong shape by the library's, which names the remedy."""
        try:
            yield
        except BadShapeError:
            ends = self._compiled()
            shape = () if targets is None else _array_in(targets, tuple(_ELEMENTS), "f32", "targets", quiet=True).shape
            if ends.target and math.prod(shape) and math.prod(shape[1:]) != math.prod(ends.target):
                untouched = Dataset.from_function(lambda index: ((), ()), shape[0], ends.input, shape[1:] or (1,))
                self._call(_lib.sixnet_model_evaluate, untouched._open().pointer, None, None)
            raise

    def _augmented(self, inputs: Any, targets: Any, transforms: Sequence[str]) -> Dataset:
        """A Dataset of arrays, whose targets may get another shape by the transforms."""
        if isinstance(inputs, Dataset):
            raise _error(_INVALID_ARGUMENT, "augment is for arrays; a Dataset has transforms of its own, which its transform() adds")
        dataset = Dataset(inputs, targets, shape=self._compiled().input, context=self.context)
        for spec in transforms:
            dataset.add_transform(spec)
        return dataset

    def fit(self, inputs: Any, targets: Any = None, *, optimizer: Union[str, Optimizer] = "sgd lr=0.1 momentum=0.9",
            schedule: Optional[str] = None, epochs: int = 1, batch_size: Optional[int] = None, validation: Any = None,
            augment: Union[str, Sequence[str]] = (), progress: Union[None, bool, Callable[[Progress], Any]] = None,
            run_dir: Union[None, str, os.PathLike[str]] = None, **options: Any) -> List[Progress]:
        """Trains the net on arrays or a Dataset. Returns a Progress for each completed epoch.

        optimizer: a text, or an Optimizer to continue with its state
        schedule: text of a learning-rate schedule, if optimizer is a text
        epochs, batch_size: 1 and 32 by default
        validation: a pair of arrays or a Dataset, evaluated at the end of every epoch
        augment: one or more transforms of the training arrays, such as "random_affine degrees=10 translate=0.1"
        progress: called with a Progress after every batch and, with epoch_end true, at the end of every epoch. May use the net; return
            True to stop. Without it, a terminal shows a progress line if the run takes more than two seconds; False disables the line
        run_dir: folder for everything needed to repeat the run with `sixnet rerun`, including a copy of the samples and a checkpoint
        options: those of the options kind "fit", such as shuffle, seed, shards, balance, validation_split, early_stopping, min_delta,
            monitor ("val_loss"), restore_best, max_seconds, checkpoint, resume, on_nan, average and diagnostics
        """
        made_of = optimizer
        if isinstance(optimizer, Optimizer):
            if schedule is not None or run_dir is not None:
                raise _error(_INVALID_ARGUMENT, f"{'run_dir' if schedule is None else 'schedule'}: the optimizer has a history of its own; "
                                                "give its text instead")
        else:
            optimizer = Optimizer(self, optimizer, schedule)
        transforms = [augment] if isinstance(augment, str) else list(augment)
        train = self._augmented(inputs, targets, transforms) if transforms else self._dataset(inputs, targets)
        second = None
        if validation is not None:
            if not isinstance(validation, Dataset) and not (isinstance(validation, (tuple, list)) and len(validation) == 2):
                raise TypeError(f"validation: expected a Dataset, or a pair of inputs and targets, got {_shown(validation)}")
            second = self._dataset(validation, None) if isinstance(validation, Dataset) else self._dataset(*validation)
        batch_size = 32 if batch_size is None else batch_size
        kept = _Record(run_dir) if run_dir is not None else None
        if kept:
            settings = {"optimizer": made_of, "schedule": schedule, "epochs": epochs, "batch-size": batch_size, "seed": self.context.seed,
                        "dtype": self.context.dtype, "augment": transforms}
            if options.get("checkpoint") is not None:
                raise _error(_INVALID_ARGUMENT, "run_dir: it keeps a checkpoint of its own; leave out checkpoint")
            if options.get("resume") is None:
                plain = self._augmented(inputs, targets, ()) if transforms else train
                kept.begin(self, (plain, second), settings, options)
            options["checkpoint"] = kept.checkpoint
        paths = {name: pathlib.Path(options[name]) for name in ("checkpoint", "resume") if options.get(name) is not None}
        spec = _spec("", {"epochs": epochs, "batch_size": batch_size, **options, **paths})
        history, status = self._fit(optimizer, train, second, spec, progress)
        if kept and status == _OK and len(self.history) <= epochs and (history or not kept.ended(self)):
            kept.end(self, history[-1].total_seconds if history else 0.0, history[-1].resume_changes if history else 0)
        return history

    def _fit(self, optimizer: Optimizer, train: Dataset, validation: Optional[Dataset], spec: bytes,
             progress: Union[None, bool, Callable[[Progress], Any]]) -> Tuple[List[Progress], int]:
        """The reports of the epochs, and whether the run ended by itself (_OK) or was stopped (_STOPPED)."""
        history: List[Progress] = []
        self._open().stepped = True
        tell = None if progress is None or isinstance(progress, bool) else _function(progress, "progress")
        bar = None if tell or progress is False else _Bar()

        def report(pointer: _Pointer) -> Any:
            shows = bar is not None and bar.due()
            if not tell and not shows and not _lib.sixnet_progress_get(pointer, b"epoch_end"):
                return None
            now = _progress(pointer)
            if now.epoch_end:
                history.append(now)
            if bar and shows:
                bar.show(now)
            return tell(now) if tell else None

        thunk = _CALLBACKS["sixnet_progress_fn"](lambda _user, pointer: _guarded(report, pointer))
        opt, data = optimizer._open(), train._open()
        other = validation._open() if validation else None
        try:
            status = self._run_long(self._open().pointer, _lib.sixnet_model_fit, opt.pointer,
                                    data.pointer, other.pointer if other else None, spec, thunk, None)
        finally:
            if bar:
                bar.end()
        return history, status

    @property
    def history(self) -> List[Epoch]:
        """Epochs that the last fit() completed, including those before a resume."""
        return [Epoch(*(self._get(_lib.sixnet_model_history_get, epoch + 1, key.encode()) for key in Epoch._fields))
                for epoch in range(self._get(_lib.sixnet_model_history_size))]

    @property
    def diagnostics(self) -> List[Diagnostic]:
        """Problems that the last fit(diagnostics=True) found, whether the run succeeded or not."""
        with self._open().lock:
            return [Diagnostic(name, node, int(epoch), int(batch), text, remedy) for name, node, epoch, batch, text, remedy
                    in _fields(self._diagnostic, Diagnostic._fields)]

    def _diagnostic(self, index: int, field: bytes) -> Optional[bytes]:
        found: Optional[bytes] = self._get(_lib.sixnet_model_diagnostic, index, field)
        return found

    def evaluate(self, inputs: Any, targets: Any = None) -> Evaluation:
        """Computes loss and accuracy on arrays or a Dataset, in evaluation mode."""
        loss, accuracy = c_double(), c_double()
        data = self._dataset(inputs, targets)._open()
        self._run_whole(self._open().pointer, _lib.sixnet_model_evaluate, data.pointer, byref(loss), byref(accuracy))
        return Evaluation(loss.value, accuracy.value)

    def metrics(self, inputs: Any, targets: Any = None, **options: Any) -> Dict[str, Any]:
        """Computes metrics on arrays or a Dataset, in evaluation mode, as scikit-learn does with zero_division=0.

        Returns numbers, lists (one number for each class or label) and lists of lists by name, None for what is not defined:
        accuracy, precision, recall, f1, auc, matthews_correlation, confusion, calibration_error, mae, rmse, r2 and others; see
        sixnet_model_metrics() in sixnet.h. options: top_k (5) of top_k_accuracy, bins (15) of the calibration."""
        json_text, spec = c_char_p(), _spec("", options)
        data = self._dataset(inputs, targets)._open()
        with self._open().lock:
            self._run_whole(self._open().pointer, _lib.sixnet_model_metrics, data.pointer, spec, byref(json_text))
            return dict(json.loads(json_text.value or b"{}"))


def _state_of(optimizer: Optimizer) -> bytes:
    """A checkpoint of an optimizer and its model."""
    with tempfile.TemporaryDirectory(prefix="sixnet-") as folder:
        path = pathlib.Path(folder, "state")
        optimizer.save_checkpoint(path, sync=False)
        return path.read_bytes()


def _set_state(optimizer: Optimizer, state: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="sixnet-") as folder:
        path = pathlib.Path(folder, "state")
        path.write_bytes(state)
        optimizer._checkpoint(_lib.sixnet_checkpoint_load, path, None, {"check_values": False})


def _model_again(kind: Type[Model], context: Context, lines: Sequence[str], retained: Sequence[int], state: Optional[bytes],
                 stepped: bool) -> Model:
    net = kind.__new__(kind)
    net._make(context, _lib.sixnet_model_new)
    for line in lines:
        if line.startswith("tensors match="):
            pattern, _, settings = line[len("tensors match="):].partition(" ")
            net._set_tensors(pattern, _text(settings))
        else:
            net.add(line, *([NO_NODE] if " from=" in line else []))
    for node in retained:
        net.retain(node)
    if state is not None:
        _set_state(Optimizer(net.compile(), "sgd lr=0"), state)
    net._open().stepped = stepped
    return net


class Predictor(_Handle):
    """Private buffers for inference with a shared, compiled model. Create one per thread: predictors of one model run
    concurrently without locks. Do not train or change the model during a prediction; later predictions use its new parameters."""

    def __init__(self, net: Model) -> None:
        resource = _opened(net, Model, "net")
        self._ends = net._compiled()
        with resource.lock:
            self._create(_lib.sixnet_predictor_new, _lib.sixnet_predictor_free, resource.pointer, keep=[resource])
        self._net, self._model = resource.pointer, _Parent(net)

    _OWN, _HELD = ("_net", "_model", "_ends"), ("_model",)

    def __reduce__(self) -> Tuple[Any, ...]:
        self._open()
        return type(self), (self._model.get(),), self._others()

    def predict(self, inputs: Any, out: Any = None) -> Any:
        """Like Model.predict(), in the calling thread; bit-identical."""
        functions = {"f32": _lib.sixnet_predictor_predict, "f64": _lib.sixnet_predictor_predict_f64}
        return _predict(self, self._net, self._ends, functions, inputs, out)

    @property
    def memory(self) -> int:
        """Memory of the predictor in bytes, without the model's parameters."""
        taken = c_uint64()
        self._call(_lib.sixnet_predictor_memory, byref(taken))
        return taken.value


class Optimizer(_Handle):
    """Updates a compiled model's parameters from their gradients: Optimizer(net, "adamw lr=1e-3", "step_lr step_size=10")."""

    def __init__(self, net: Model, spec: str, schedule: Optional[str] = None) -> None:
        resource = self._net = _opened(net, Model, "net")
        self._model, self._made = _Parent(net), (spec, schedule)
        self._create(_lib.sixnet_optimizer_new, _lib.sixnet_optimizer_free, resource.pointer, _text(spec), _text(schedule or ""),
                     keep=[resource], lock=resource.lock)

    _OWN, _HELD = ("_net", "_model", "_made"), ("_net", "_model")

    def __reduce__(self) -> Tuple[Any, ...]:
        self._open()
        return _optimizer_again, (type(self), self._model.get(), *self._made, _state_of(self)), self._others()

    def save_checkpoint(self, path: Union[str, os.PathLike[str]], batches: Optional[Batches] = None, *, sync: bool = True) -> None:
        """Saves a training run: model, optimizer and schedule state, and the position of the batches."""
        self._checkpoint(_lib.sixnet_checkpoint_save, path, batches, {"sync": sync})

    def load_checkpoint(self, path: Union[str, os.PathLike[str]], batches: Optional[Batches] = None, **options: Any) -> None:
        """Restores a training run. Net, optimizer and schedule must have been created as the saved ones were. The next iteration
        of batches continues at the saved position. options as in Model.load()."""
        self._checkpoint(_lib.sixnet_checkpoint_load, path, batches, options)
        self._net.stepped = True
        if batches is not None:
            batches._resume()

    def _checkpoint(self, function: Callable[..., int], path: Union[str, os.PathLike[str]], batches: Optional[Batches],
                    options: Mapping[str, Any]) -> None:
        optimizer, iterator = self._open(), None if batches is None else _opened(batches, Batches, "batches")
        with self._net.lock:
            _check(function(self._net.pointer, optimizer.pointer, iterator and iterator.pointer, _path(path), _spec("", options)))

    def step(self) -> None:
        """Updates the parameters from their gradients."""
        self._call(_lib.sixnet_optimizer_step)

    def end_epoch(self, metric: float = math.nan) -> None:
        """Advances the schedule at the end of an epoch; fit() calls it itself."""
        self._call(_lib.sixnet_optimizer_end_epoch, metric)

    @property
    def lr(self) -> float:
        """Learning rate of the next step. Setting it sets the base rate, which the schedule multiplies."""
        return float(self._get(_lib.sixnet_optimizer_learning_rate))

    @lr.setter
    def lr(self, value: float) -> None:
        self._call(_lib.sixnet_optimizer_set_learning_rate, value)

    def __repr__(self) -> str:
        return "<sixnet.Optimizer, closed>" if self.closed else f"<sixnet.Optimizer, lr={self.lr}>"


def _optimizer_again(kind: Type[Optimizer], net: Model, spec: str, schedule: Optional[str], state: bytes) -> Optimizer:
    optimizer = kind.__new__(kind)
    Optimizer.__init__(optimizer, net, spec, schedule)
    _set_state(optimizer, state)
    return optimizer
