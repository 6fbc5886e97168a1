/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_SIXNET_H
#define SIXNET_SIXNET_H

/** @file
 * libsixnet: build, train and run a neural net inside your program.
 *
 * ## Rules for every function
 *
 * **Errors.** Functions that can fail return int32_t: SIXNET_OK (0), SIXNET_STOPPED (1, stopped by a callback or
 * sixnet_model_cancel()), or a negative status. On failure, sixnet_last_error() returns one line that names the problem
 * and the fix. A failed call leaves all its arguments, and any file it was to write, unchanged. Exceptions:
 * sixnet_model_fit() keeps the state after the last complete step; sixnet_model_add() records its first error, which
 * sixnet_model_compile() reports; a training pass that fails part-way must be restarted with sixnet_model_forward().
 * Functions that return a pointer return NULL on failure.
 *
 * **Ownership.** Functions that create an object store it in their first parameter (NULL on failure). Release it with
 * the matching `_free` function; `_free(NULL)` is a no-op. Objects are reference-counted: an optimizer keeps its model
 * alive, a model its context, so handles may be freed in any order. Returned `const` pointers are borrowed, and valid
 * until the owning object is modified or freed, unless stated otherwise.
 *
 * **Threads.** Different objects can be used concurrently, even if they share a context or a model's parameters. Each
 * comment ends with the function's effect on its arguments:
 *   - *reads X*: any number of threads may do this concurrently while no thread changes X;
 *   - *changes X*: no other call may use X at the same time. Freeing changes the handle only, not the objects that
 *     others keep alive;
 *   - *any*: callable at any time.
 *
 * To predict from several threads, give each its own predictor (sixnet_predictor_new()). To train meanwhile, train a
 * copy (sixnet_model_copy()). Results are bit-identical for any number of threads.
 *
 * **Callbacks.** A callback may use objects as another thread could at that moment: it may read what the running call
 * reads, and must not touch what it changes. A call that breaks this rule does nothing and fails with SIXNET_BAD_STATE
 * (or returns NULL, NaN, 0 or SIXNET_NO_NODE); a `_free` of an object in use is ignored. Two callbacks differ:
 * sixnet_progress_fn may also read what sixnet_model_fit() changes, and set its learning rate; sixnet_malloc_fn and sixnet_free_fn may use no
 * object. A callback must return normally, not by longjmp() or an exception.
 *
 * **fork().** The child may use all objects that no other thread of the parent was using at the time of the fork. A
 * context's threads remain in the parent; in the child the calling thread does their work, with the same result.
 *
 * **Data layout.** Arrays hold samples back to back in row-major (C) order: n samples of shape 1x28x28 are
 * float[n][1][28][28]. Functions with the suffix `_f64` are identical except that they take double. Either works with
 * any context; values are converted if the context's dtype differs.
 *
 * **Text specs.** Layers, losses, optimizers, schedules, transforms and options are given as `KIND attribute=value
 * ...`, for example `"conv2d out_channels=8 kernel_size=3 padding=1 bias=false"`. Attribute names and meanings are
 * PyTorch's. sixnet_kind_field() and sixnet_attribute_field() enumerate all kinds and attributes with types, defaults
 * and ranges. A pair of height and width is written with an x, `kernel_size=1x9`, or as one number for both; a shape
 * likewise, `1x28x28`; a list with commas, `milestones=10,15`; points as pairs, `points=10:0.05,20:0.01`.
 *
 * **Process state.** The library never prints, exits, aborts, installs a signal handler or changes the locale. It has
 * no mutable global state, and starts no thread unless a context asks for threads.
 */

#include <stddef.h>
#include <stdint.h>

#include "version.h"

#if defined(_WIN32) || !defined(__GNUC__)
#define SIXNET_API
#else
/** Marks the functions that the shared library exports. */
#define SIXNET_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** @defgroup status Status
 * @{ */

#define SIXNET_OK 0                /**< success */
#define SIXNET_STOPPED 1           /**< stopped early, as a callback or sixnet_model_cancel() requested; not an error */
#define SIXNET_INVALID_ARGUMENT -1 /**< NULL, a negative count, a handle of another context */
#define SIXNET_OUT_OF_MEMORY -2    /**< the allocator returned NULL, or max_memory is exceeded */
#define SIXNET_BAD_SPEC -3         /**< a spec or net text does not parse: unknown word, value out of range */
#define SIXNET_BAD_SHAPE -4        /**< shapes do not match */
#define SIXNET_BAD_STATE -5        /**< valid call at the wrong time, such as forward before compile */
#define SIXNET_IO_ERROR -6         /**< a system call on a file failed */
#define SIXNET_BAD_FILE -7         /**< malformed file */
#define SIXNET_TOO_LARGE -8        /**< a documented limit is exceeded */
#define SIXNET_NOT_FOUND -9        /**< no node, tensor or kind with this name */
#define SIXNET_BAD_DATA -10        /**< unusable sample, such as a label out of range */
#define SIXNET_NOT_FINITE -11      /**< the loss, a gradient or a parameter became NaN or infinite */
#define SIXNET_CALLBACK_FAILED -12 /**< a callback returned an error */
#define SIXNET_UNSUPPORTED -13     /**< not available on this machine or in this build */

/** Returns the name of a status, such as "SIXNET_BAD_SHAPE"; NULL if the number is not a status. The string is static.
 * Threads: any. */
SIXNET_API const char *sixnet_status_name(int32_t status);

/** Returns the message of the calling thread's most recent failed call: one line without a newline; "" if no call has
 * failed. Valid until the next failed call of the same thread; copy it to keep it. Threads: any. */
SIXNET_API const char *sixnet_last_error(void);

/** Returns the errno behind the calling thread's most recent failed call, such as ENOENT with SIXNET_IO_ERROR for a
 * missing file; 0 if no system call failed. Threads: any. */
SIXNET_API int32_t sixnet_last_system_error(void);

/** Returns the version of the loaded library, "major.minor.patch". The string is static. Threads: any. */
SIXNET_API const char *sixnet_version(void);

/** Returns the version of the loaded library as major * 1000000 + minor * 1000 + patch. Threads: any. */
SIXNET_API int32_t sixnet_version_number(void);

/** @} */

/** @defgroup kinds Kinds and attributes
 * All kinds and attributes of the text interface, from the tables that the parser uses.
 * @{ */

/** Returns one field of the index-th kind of a family. Iterate index from 0 until NULL; the order is unspecified.
 * @param family "layer", "loss", "optimizer", "schedule", "transform", or "options" (one kind per function that takes
 *         options, such as "fit" for sixnet_model_fit())
 * @param index 0 for the first kind
 * @param field "name" or "help" (one line)
 * @return static string; NULL if index is past the end, or family or field is unknown
 *
 * Threads: any. */
SIXNET_API const char *sixnet_kind_field(const char *family, int32_t index, const char *field);

/** Returns one field of the index-th attribute of a kind. Iterate index from 0 until NULL, in the order of the
 * documentation.
 * @param family as in sixnet_kind_field()
 * @param kind the name of a kind
 * @param index 0 for the first attribute
 * @param field "name", "type" ("int", "float", "bool", "pair", "shape", "list", "points", "text", "path" or
 *         "choice"), "default" ("required" if the attribute has none), "range" or "help"
 * @return string valid until the calling thread's next call of this function; NULL if index is past the end or a word
 *         is unknown
 *
 * Threads: any. */
SIXNET_API const char *sixnet_attribute_field(const char *family, const char *kind, int32_t index, const char *field);

/** @} */

/** @defgroup context Context
 * Resources and settings of the library: allocator, threads, instruction set, dtype, seed, log.
 * @{ */

/** Settings shared by the objects created with it: allocator, threads, instruction set, dtype, seed and log callback.
 * Immutable after setup, so threads may share it. NULL is accepted wherever a context is expected and means: malloc,
 * one thread, best instruction set, f32, seed 0, no log. */
typedef struct sixnet_context sixnet_context;

/** Allocates like malloc: size bytes aligned for any type, or NULL. Called from any thread that uses the context. */
typedef void *(*sixnet_malloc_fn)(void *user, size_t size);
/** Frees like free what the same context's sixnet_malloc_fn returned; memory is never NULL. */
typedef void (*sixnet_free_fn)(void *user, void *memory);
/** Receives one log line without a newline. level: 0 information, 1 warning. Called in the thread that made the call.
 */
typedef void (*sixnet_log_fn)(void *user, int32_t level, const char *line);

/** Creates a context.
 * @param[out] out the new context; release with sixnet_context_free()
 * @param options NULL, "" or attributes of the options kind "context", such as "threads=2 dtype=f64 seed=7":
 *        - threads=N: compute threads including the caller; 0: all available processors (default 1)
 *        - isa=NAME: highest instruction set to use: auto, baseline, avx2, avx512 or neon (default auto)
 *        - dtype=TYPE: f32 or f64 (default f32)
 *        - convolution=METHOD: auto, or direct to disable Winograd's algorithm, which is faster and rounds differently
 *          (default auto)
 *        - seed=N: seed of initialization, dropout and shuffling (default 0)
 *        - max_memory=N: limit in bytes on all memory allocated through the context, beyond which calls return
 *          SIXNET_OUT_OF_MEMORY; 0: unlimited (default 0)
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_OUT_OF_MEMORY, or SIXNET_UNSUPPORTED if the processor or the build lacks
 *         the instruction set or the threads cannot be started
 *
 * Threads: any. */
SIXNET_API int32_t sixnet_context_new(sixnet_context **out, const char *options);

/** Creates a context with an allocator for all memory of the context and of every object created with it. Otherwise like
 * sixnet_context_new().
 * @param malloc_fn,free_fn both NULL for malloc and free
 * @param user passed to both
 *
 * Threads: any. */
SIXNET_API int32_t sixnet_context_new_with_allocator(sixnet_context **out, const char *options,
                                                     sixnet_malloc_fn malloc_fn, sixnet_free_fn free_fn, void *user);

/** Releases the handle. The context itself is freed with the last object created with it. Threads: changes ctx. */
SIXNET_API void sixnet_context_free(sixnet_context *ctx);

/** Sets the log callback; NULL disables logging. Do not call while another thread uses the context.
 * @return SIXNET_OK
 *
 * Threads: changes ctx. */
SIXNET_API int32_t sixnet_context_set_log(sixnet_context *ctx, sixnet_log_fn fn, void *user);

/** Returns one setting in effect.
 * @param key "isa" (the instruction set in use: "baseline", "avx2", "avx512", "neon", or "generic" for f64), "dtype",
 *         "convolution", "threads", "seed" or "max_memory"
 * @return string valid as long as the context; NULL if the key is unknown
 *
 * Threads: reads ctx. */
SIXNET_API const char *sixnet_context_get(const sixnet_context *ctx, const char *key);

/** @} */

/** @defgroup building Model: building
 * @{ */

/** A net: a graph of layers with their tensors. */
typedef struct sixnet_model sixnet_model;

/** A node of a model, numbered from 0 in the order of sixnet_model_add(). */
typedef int32_t sixnet_node;

#define SIXNET_NO_NODE (-1) /**< no node: the input of an input layer, the result of a failed sixnet_model_add() */

/** Creates an empty model.
 * @param[out] out the new model; release with sixnet_model_free()
 * @param ctx may be NULL
 * @return SIXNET_OK or SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_new(sixnet_model **out, sixnet_context *ctx);

/** Parses a net and compiles it. Each line of the text is one layer whose input is the line above, or the nodes named by
 * `from=A[,B...]`. `name=` names a node; `#` starts a comment. Error messages start with the line number.
 * @param[out] out the compiled model; release with sixnet_model_free()
 * @param ctx may be NULL
 * @param text NUL-terminated
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_BAD_SHAPE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_parse(sixnet_model **out, sixnet_context *ctx, const char *text);

/** Creates an independent copy of a compiled model in the same context: graph, tensors, gradients and random-number
 * counters. Training both with the same data gives bit-identical results.
 * @return SIXNET_OK, SIXNET_BAD_STATE if the model is not compiled, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_copy(sixnet_model **out, const sixnet_model *net);

/** Releases the model. Pointers borrowed from it become invalid; its optimizers and predictors keep what they need.
 * Threads: changes net. */
SIXNET_API void sixnet_model_free(sixnet_model *net);

/** Appends a layer or loss to the graph.
 * @param spec the layer, such as "linear out_features=10 name=head". A name has 1 to 255 letters, digits, '_' and '.',
 *         the first not a '.'; without `name=` the node is named after its kind (conv1, bn2, linear1)
 * @param input the node whose output it consumes; SIXNET_NO_NODE for an input layer, or if spec has `from=` as in
 *         sixnet_model_parse()
 * @return the new node, or SIXNET_NO_NODE on error. Nodes may be chained without checking: no node is added after an
 *         error until sixnet_model_compile() has reported it
 *
 * Threads: changes net. */
SIXNET_API sixnet_node sixnet_model_add(sixnet_model *net, const char *spec, sixnet_node input);

/** Appends a layer with several inputs, such as add, mul or concat. Otherwise like sixnet_model_add().
 * @param inputs count nodes; copied
 *
 * Threads: changes net. */
SIXNET_API sixnet_node sixnet_model_add_multi(sixnet_model *net, const char *spec, const sixnet_node *inputs,
                                              int32_t count);

/** Keeps the values and gradients of all outputs of a node for sixnet_node_values() and sixnet_node_gradient(). Without
 * it their memory is reused during a pass. Call before sixnet_model_compile().
 * @return SIXNET_OK, SIXNET_BAD_STATE if the model is compiled, SIXNET_INVALID_ARGUMENT if there is no such node
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_node_retain(sixnet_model *net, sixnet_node node);

/** Checks the graph, plans its memory and initializes the parameters from the context's seed.
 * @return SIXNET_OK; SIXNET_BAD_STATE if the model is already compiled; or the status of the first error of the build,
 *         whose message names the node and the attribute. The error is reported once; building can continue after it
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_compile(sixnet_model *net);

/** Computes the memory that a pass over n samples will use, without allocating it. Includes parameters and gradients;
 * excludes optimizer state. Works before and after sixnet_model_compile().
 * @param n samples per pass. For sixnet_model_fit() with `shards=S` this is batch_size / S, and the fit needs log2 S
 *         times the memory of gradients and buffers in addition
 * @param training 1 for a training step, 0 for inference
 * @param[out] bytes size in bytes
 * @return SIXNET_OK, SIXNET_TOO_LARGE if the size exceeds the address space, or the first error of the build
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_memory_needed(sixnet_model *net, int64_t n, int32_t training, uint64_t *bytes);

/** Reinitializes all parameters and running statistics.
 * @param seed seed of the initial values; the context's seed restores the state after sixnet_model_compile()
 * @return SIXNET_OK or SIXNET_BAD_STATE if the model is not compiled
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_reset(sixnet_model *net, uint64_t seed);

/** @} */

/** @defgroup looking Model: inspection
 * @{ */

/** Returns a table of layers, output shapes, parameter counts and memory per sample in the format of PyTorch's
 * torchsummary, ending in a newline. Borrowed; NULL if the model is not compiled. Threads: changes net. */
SIXNET_API const char *sixnet_model_summary(sixnet_model *net);

/** Returns the net as text for sixnet_model_parse(): one layer per line, with names and all attributes that differ from
 * their defaults. Borrowed; NULL if the model is not compiled. Threads: changes net. */
SIXNET_API const char *sixnet_model_text(sixnet_model *net);

/** Returns the number of nodes, including inputs and loss. Threads: reads net. */
SIXNET_API int32_t sixnet_node_count(const sixnet_model *net);

/** Returns the node with a name, or SIXNET_NO_NODE. Threads: reads net. */
SIXNET_API sixnet_node sixnet_node_find(const sixnet_model *net, const char *name);

/** Returns one field of a node.
 * @param field "name", "kind", or "spec" (its line in the net's text)
 * @return borrowed string; NULL if there is no such node or field
 *
 * Threads: reads net. */
SIXNET_API const char *sixnet_node_get(const sixnet_model *net, sixnet_node node, const char *field);

/** Returns a handle for one output of a node with several, such as split. sixnet_model_add(), sixnet_node_shape(),
 * sixnet_node_values() and sixnet_node_gradient() accept it in place of the node, which itself stands for its first
 * output.
 * @param output the name of the output, or its number in decimal; the same output in a net's text is `from=NODE:OUTPUT`
 * @return the output, or SIXNET_NO_NODE if the node has no such output
 *
 * Threads: reads net. */
SIXNET_API sixnet_node sixnet_node_output(const sixnet_model *net, sixnet_node node, const char *output);

/** Returns the per-sample shape of a node's output.
 * @param[out] dims 8 elements
 * @param[out] rank number of dimensions written
 * @return SIXNET_OK or SIXNET_INVALID_ARGUMENT if there is no such node
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_node_shape(const sixnet_model *net, sixnet_node node, int64_t *dims, int32_t *rank);

/** Returns the per-sample shape of a compiled model's input, output or target.
 * @param which "input", "output" (of sixnet_model_predict()) or "target" (of sixnet_model_loss())
 * @param[out] dims 8 elements; a model with several inputs has one dimension, their total size
 * @param[out] rank number of dimensions written
 * @param[out] node the node that has this shape (the loss node for "target"); SIXNET_NO_NODE if there are several
 *         inputs; may be NULL
 * @return SIXNET_OK, SIXNET_BAD_STATE if the model is not compiled, SIXNET_NOT_FOUND for the target of a model without
 *         a loss or for an unknown word
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_shape(const sixnet_model *net, const char *which, int64_t *dims, int32_t *rank,
                                      sixnet_node *node);

/** Copies out a retained node's values from the last forward pass.
 * @param[out] values float[n][size], n being the samples of that pass and size the node's output size
 * @param count capacity of values in elements; must equal n * size
 * @return SIXNET_OK, SIXNET_BAD_STATE if the node was not retained or no forward pass has run, SIXNET_INVALID_ARGUMENT
 *         for a wrong count
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_node_values(const sixnet_model *net, sixnet_node node, float *values, int64_t count);
/** Like sixnet_node_values(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_node_values_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count);

/** Copies out the gradient of the loss with respect to a retained node's values, from the last backward pass. Parameters
 * and statuses are those of sixnet_node_values(). Threads: reads net. */
SIXNET_API int32_t sixnet_node_gradient(const sixnet_model *net, sixnet_node node, float *values, int64_t count);
/** Like sixnet_node_gradient(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_node_gradient_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count);

/** @} */

/** @defgroup tensors Model: tensors
 * The compiled model's state by name, as in PyTorch's state_dict(): "conv1.weight", "bn1.running_mean". Parameters are
 * trained and have a gradient; buffers (running statistics) are not trained and have none.
 * @{ */

/** Returns the number of tensors, parameters and buffers. Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_count(const sixnet_model *net);

/** Returns the name of the index-th tensor in graph order, valid as long as the model; NULL if index is past the end.
 * Threads: reads net. */
SIXNET_API const char *sixnet_tensor_name(const sixnet_model *net, int32_t index);

/** Returns the shape of a tensor.
 * @param[out] dims 8 elements
 * @param[out] rank number of dimensions written
 * @param[out] trainable 1 for a parameter that is trained, 0 for a buffer or a frozen parameter; may be NULL
 * @return SIXNET_OK or SIXNET_NOT_FOUND
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_shape(const sixnet_model *net, const char *name, int64_t *dims, int32_t *rank,
                                       int32_t *trainable);

/** Sets how the tensors whose names match a pattern are trained, for the nodes added so far. Works before and after
 * sixnet_model_compile(). Saved with the model's text, as a line `tensors match=PATTERN ...` below these nodes.
 * @param pattern a name as sixnet_tensor_name() returns it, or the name that a shared tensor has at another node that
 *         uses it; `*` matches any characters, `?` one: "conv1.*"
 * @param settings one or more of:
 *        - trainable=false: freeze; no gradient, no optimizer state, and a batch norm whose tensors are all frozen uses
 *          its running statistics; trainable=true reverts it
 *        - lr_scale=F: factor of the learning rate
 *        - weight_decay=F: replaces the optimizer's; weight_decay=optimizer reverts it
 * @return SIXNET_OK, SIXNET_NOT_FOUND if no tensor matches, SIXNET_BAD_SPEC, SIXNET_BAD_STATE if trainable would change
 *         while the model has an optimizer, SIXNET_TOO_LARGE after 4096 different patterns
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_set_tensors(sixnet_model *net, const char *pattern, const char *settings);

/** Returns one training setting of a tensor.
 * @param key "trainable" (1 or 0), "lr_scale", "weight_decay" (-1: the optimizer's), or "parameter" (1 for a parameter,
 *         frozen or not; 0 for a buffer)
 * @return the value; NaN if there is no such tensor or key
 *
 * Threads: reads net. */
SIXNET_API double sixnet_tensor_setting(const sixnet_model *net, const char *name, const char *key);

/** Copies a tensor out.
 * @param[out] values row-major, in the shape of sixnet_tensor_shape()
 * @param count capacity of values in elements; must equal the tensor's size
 * @return SIXNET_OK, SIXNET_NOT_FOUND, SIXNET_INVALID_ARGUMENT for a wrong count
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_get(const sixnet_model *net, const char *name, float *values, int64_t count);
/** Like sixnet_tensor_get(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_get_f64(const sixnet_model *net, const char *name, double *values, int64_t count);

/** Overwrites a tensor.
 * @param values row-major, in the shape of sixnet_tensor_shape(); copied
 * @param count number of values; must equal the tensor's size
 * @return SIXNET_OK, SIXNET_NOT_FOUND, SIXNET_INVALID_ARGUMENT for a wrong count
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_tensor_set(sixnet_model *net, const char *name, const float *values, int64_t count);
/** Like sixnet_tensor_set(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_tensor_set_f64(sixnet_model *net, const char *name, const double *values, int64_t count);

/** Copies out a parameter's gradient: the sum since the last sixnet_model_zero_grad().
 * @param[out] values row-major, in the shape of the parameter
 * @param count capacity of values in elements; must equal the parameter's size
 * @return SIXNET_OK, SIXNET_NOT_FOUND, SIXNET_INVALID_ARGUMENT for a wrong count
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_gradient(const sixnet_model *net, const char *name, float *values, int64_t count);
/** Like sixnet_tensor_gradient(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_gradient_f64(const sixnet_model *net, const char *name, double *values, int64_t count);

/** Returns a tensor's storage, in the context's dtype, without copying. Training updates it; the caller must not write
 * to it.
 * @param[out] count number of elements; may be NULL
 * @return pointer owned by the model and valid as long as the model; NULL if there is no such tensor
 *
 * Threads: reads net. */
SIXNET_API const void *sixnet_tensor_data(const sixnet_model *net, const char *name, int64_t *count);

/** Computes the SHA-256 of the names, shapes and little-endian values of all tensors.
 * @param[out] digest 65 characters: 64 hexadecimal digits and a NUL
 * @return SIXNET_OK or SIXNET_BAD_STATE if the model is not compiled
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_digest(const sixnet_model *net, char *digest);

/** @} */

/** @defgroup loop Custom training loop
 * One training step is sixnet_model_zero_grad(), sixnet_model_forward(), sixnet_model_loss(), sixnet_model_backward(),
 * sixnet_optimizer_step(). Memory is allocated only if n exceeds every earlier n.
 * @{ */

/** Runs a training forward pass: dropout is active and batch norm uses batch statistics.
 * @param inputs float[n][input size]; several inputs of a sample follow each other in the order in which they were
 *         added
 * @param n number of samples, at least 1
 * @return SIXNET_OK; SIXNET_BAD_STATE if the model is not compiled; SIXNET_BAD_DATA if an embedding index is out of
 *         range; SIXNET_BAD_SHAPE if batch norm would see a single value per channel
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_forward(sixnet_model *net, const float *inputs, int64_t n);
/** Like sixnet_model_forward(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_forward_f64(sixnet_model *net, const double *inputs, int64_t n);

/** Computes the loss of the last sixnet_model_forward() with the model's loss node.
 * @param targets float[n][target size]: for nll and cross_entropy a class per position, for cross_entropy with
 *         targets=probabilities and the other losses a value per output
 * @param[out] loss as PyTorch's, NaN for a mean over targets whose classes all have weight 0; may be NULL
 * @return SIXNET_OK, SIXNET_BAD_STATE without a loss node or a forward pass, SIXNET_BAD_DATA for a class out of range
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_loss(sixnet_model *net, const float *targets, double *loss);
/** Like sixnet_model_loss(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_loss_f64(sixnet_model *net, const double *targets, double *loss);

/** Adds the gradient of the last sixnet_model_loss() with respect to each parameter to the parameter's gradient.
 * @return SIXNET_OK or SIXNET_BAD_STATE without a preceding loss
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_backward(sixnet_model *net);

/** Runs a backward pass from a gradient that the caller computed, for a net without a loss node or with a custom loss.
 * @param gradient float[n][output size]: the derivative of the loss with respect to the net's output, for the n samples
 *         of the last forward pass
 * @return SIXNET_OK or SIXNET_BAD_STATE without a forward pass
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_backward_from(sixnet_model *net, const float *gradient);
/** Like sixnet_model_backward_from(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_backward_from_f64(sixnet_model *net, const double *gradient);

/** Sets all gradients to zero.
 * @return SIXNET_OK or SIXNET_BAD_STATE if the model is not compiled
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_zero_grad(sixnet_model *net);

/** Runs inference: dropout is off and batch norm uses running statistics. The result for a sample does not depend on the
 * other samples.
 * @param inputs float[n][input size]
 * @param n number of samples, 0 or more; memory use does not grow with n
 * @param[out] outputs float[n][output size]: the input of the loss node, or the output of the last node if there is no
 *         loss. The capacity is not checked; sixnet_model_shape() returns the output size
 * @return SIXNET_OK; SIXNET_STOPPED after sixnet_model_cancel() (outputs are undefined); SIXNET_BAD_STATE if the model
 *         is not compiled; SIXNET_BAD_DATA if an embedding index is out of range
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_predict(sixnet_model *net, const float *inputs, int64_t n, float *outputs);
/** Like sixnet_model_predict(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_predict_f64(sixnet_model *net, const double *inputs, int64_t n, double *outputs);

/** Private buffers for inference with a shared model. Create one per thread: predictors of one model run concurrently
 * without locks. A predictor keeps the model alive and stores activations for 16 samples. */
typedef struct sixnet_predictor sixnet_predictor;

/** Creates a predictor for a compiled model and keeps the model alive. Any thread may use it.
 * @param[out] out the new predictor; release with sixnet_predictor_free()
 * @return SIXNET_OK, SIXNET_BAD_STATE if the model is not compiled, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_predictor_new(sixnet_predictor **out, sixnet_model *net);

/** Releases the predictor. Threads: changes predictor. */
SIXNET_API void sixnet_predictor_free(sixnet_predictor *predictor);

/** Returns the memory of a predictor, constant for its lifetime: activations of 16 samples and weights packed for single
 * samples, without the model's parameters.
 * @param[out] bytes size in bytes
 * @return SIXNET_OK
 *
 * Threads: reads predictor. */
SIXNET_API int32_t sixnet_predictor_memory(const sixnet_predictor *predictor, uint64_t *bytes);

/** Runs inference in the calling thread; bit-identical to sixnet_model_predict(), and allocates nothing. The model must
 * not change during the call. Uses the model's current parameters, also after training, loading or sixnet_tensor_set().
 * Custom layers are called in the predictor's thread. Profiles do not count predictors.
 * @param inputs,n,outputs as in sixnet_model_predict()
 * @return SIXNET_OK; SIXNET_STOPPED after sixnet_model_cancel() (outputs are undefined); SIXNET_BAD_DATA or
 *         SIXNET_CALLBACK_FAILED as sixnet_model_predict()
 *
 * Threads: changes predictor; reads its model. */
SIXNET_API int32_t sixnet_predictor_predict(sixnet_predictor *predictor, const float *inputs, int64_t n,
                                            float *outputs);
/** Like sixnet_predictor_predict(), in double. Threads: changes predictor; reads its model. */
SIXNET_API int32_t sixnet_predictor_predict_f64(sixnet_predictor *predictor, const double *inputs, int64_t n,
                                                double *outputs);

/** Requests (enable = 1) or clears (enable = 0) cancellation of the calls that use a model. sixnet_model_fit() discards
 * the current batch, saves its checkpoint and stops; sixnet_model_evaluate(), sixnet_model_predict(), predictors and
 * sixnet_model_gradient_check() stop within a batch. They return SIXNET_STOPPED and leave all objects valid. The
 * request stays set, so later calls also return SIXNET_STOPPED until it is cleared.
 * @param net may be NULL (no-op)
 * @param enable 1 to request, 0 to clear
 *
 * Threads: any, and signal handlers. */
SIXNET_API void sixnet_model_cancel(sixnet_model *net, int32_t enable);

/** Verifies all gradients, of parameters and inputs, against a four-point numerical derivative with step h = 1e-3 *
 * max(1, |x|): (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)) / 12h. Use an f64 context; in f32 the numerical derivative is
 * accurate to about 1e-2 only. Random layers draw the same numbers in every evaluation. Restores tensors and the last
 * pass; gradients are zero afterwards.
 * @param inputs,targets n samples; keep n small, the check runs four passes per value
 * @param[out] worst largest |analytic - numeric| / max(1, |analytic|, |numeric|)
 * @param[out] where borrowed name of the worst value; may be NULL
 * @return SIXNET_OK; SIXNET_STOPPED after sixnet_model_cancel() (nothing is written); SIXNET_BAD_STATE without a loss;
 *         or as sixnet_model_forward() and sixnet_model_loss()
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_gradient_check(sixnet_model *net, const double *inputs, const double *targets,
                                               int64_t n, double *worst, const char **where);

/** @} */

/** @defgroup optimizer Optimizer
 * @{ */

/** Updates a model's parameters from their gradients, at a learning rate that a schedule may vary. */
typedef struct sixnet_optimizer sixnet_optimizer;

/** Creates an optimizer for a compiled model and keeps the model alive.
 * @param[out] out the new optimizer; release with sixnet_optimizer_free()
 * @param spec such as "sgd lr=0.1 momentum=0.9" or "adamw lr=1e-3 weight_decay=0.01 clip_norm=1"
 * @param schedule learning-rate schedule, such as "step_lr step_size=10 gamma=0.1"; several separated by `;` are
 *         multiplied; NULL or "": constant
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_BAD_STATE if the model is not compiled, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec,
                                        const char *schedule);

/** Releases the optimizer. Threads: changes opt. */
SIXNET_API void sixnet_optimizer_free(sixnet_optimizer *opt);

/** Updates the parameters from their gradients and advances step-based schedules (one_cycle_lr, linear_warmup).
 * @return SIXNET_OK, or SIXNET_NOT_FINITE if norm clipping met a non-finite gradient (nothing is updated)
 *
 * Threads: changes opt and its model. */
SIXNET_API int32_t sixnet_optimizer_step(sixnet_optimizer *opt);

/** Advances the schedule at the end of an epoch. sixnet_model_fit() calls it itself.
 * @param metric value for reduce_on_plateau (smaller is better); other schedules ignore it
 * @return SIXNET_OK
 *
 * Threads: changes opt. */
SIXNET_API int32_t sixnet_optimizer_end_epoch(sixnet_optimizer *opt, double metric);

/** Returns the learning rate of the next sixnet_optimizer_step(). Threads: reads opt. */
SIXNET_API double sixnet_optimizer_learning_rate(const sixnet_optimizer *opt);

/** Sets the base learning rate, which the schedule multiplies. A sixnet_progress_fn may call it for the optimizer that
 * sixnet_model_fit() uses, as a schedule of its own: the next batch has the new rate.
 * @param lr finite, 0 or more
 * @return SIXNET_OK or SIXNET_INVALID_ARGUMENT
 *
 * Threads: changes opt. */
SIXNET_API int32_t sixnet_optimizer_set_learning_rate(sixnet_optimizer *opt, double lr);

/** @} */

/** @defgroup dataset Dataset
 * @{ */

/** A sequence of samples with optional targets. Threads may read one dataset concurrently if its callback allows it.
 *
 * **Precision.** In an f64 context samples are double from their source to the net. In an f32 context, inputs that
 * float would round (f64, i32, i64, and those of sixnet_dataset_from_callback_f64()) are scaled and transformed in
 * double and rounded once, at the end: `normalize` of times near 1.6e9 keeps seconds. Integers beyond 2^53 are rounded
 * to double first. */
typedef struct sixnet_dataset sixnet_dataset;

/** Reads samples from a path. The content determines the format:
 * - a folder of images with one folder per class, by the rules of torchvision's ImageFolder: labels number the classes
 *   in the byte order of their names, from 0, and the samples of a class are in the order of their paths. A folder
 *   without subfolders yields samples without targets;
 * - an image: one sample without a target;
 * - an IDX file, optionally gzipped, as sixnet_dataset_from_idx() reads it; the option `labels` names its label file.
 *
 * Images are PNG (every color type and bit depth, interlaced or not; alpha is dropped), PGM or PPM. A sample has shape
 * channels x height x width and values from 0 to 1. All images are decoded at once and take one byte per value, two for
 * images of 16 bits. Names that begin with a point are skipped.
 * @param[out] out the new dataset; release with sixnet_dataset_free()
 * @param path file or folder
 * @param spec options kind "dataset_open", such as "channels=1 resize=28x28"; NULL or "" for the defaults
 * @return SIXNET_OK, SIXNET_IO_ERROR, SIXNET_BAD_FILE (the message has the path and the problem), SIXNET_BAD_SHAPE if
 *         images differ in size, SIXNET_BAD_SPEC, SIXNET_TOO_LARGE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_open(sixnet_dataset **out, sixnet_context *ctx, const char *path, const char *spec);

/** Reads a pair of IDX files, optionally gzipped, into memory. Images of unsigned bytes become values from 0 to 1 of
 * shape 1 x height x width; labels become classes. Memory use is below the size of the files plus 1 MiB, for gzipped
 * files below 1033 times their size (deflate's maximum ratio) plus 1 MiB; the context's `max_memory` lowers the limit.
 * @param[out] out the new dataset; release with sixnet_dataset_free()
 * @param images,labels paths; labels may be NULL for samples without targets
 * @return SIXNET_OK, SIXNET_IO_ERROR, SIXNET_BAD_FILE (the message has path, byte offset and expectation),
 *         SIXNET_TOO_LARGE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_idx(sixnet_dataset **out, sixnet_context *ctx, const char *images,
                                           const char *labels);

/** Creates a dataset from arrays in memory.
 * @param[out] out the new dataset; release with sixnet_dataset_free()
 * @param spec options kind "dataset_from_arrays", such as "input_dtype=f32 shape=1x28x28 target_dtype=i64 copy=false":
 *         `shape` (required) and `target_shape` (default 1) of one sample; element types `input_dtype` and
 *         `target_dtype` (f32, f64, u8, i32, i64; default f32); `scale` multiplies inputs (default 1); `copy=false`
 *         borrows the arrays, which must then remain unchanged until the dataset and everything created from it are
 *         freed
 * @param inputs,targets n samples each; targets may be NULL for data without targets
 * @param n number of samples, at least 1
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_INVALID_ARGUMENT, SIXNET_TOO_LARGE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_arrays(sixnet_dataset **out, sixnet_context *ctx, const char *spec,
                                              const void *inputs, const void *targets, int64_t n);

/** Produces one sample: writes the values of sample `index` and of its target, and returns 0. Any other value aborts the
 * running call with SIXNET_CALLBACK_FAILED. Must be deterministic: the same index must give the same sample. Called in
 * the thread of the function that needs the sample, also for partner samples of mixup and cutmix. */
typedef int32_t (*sixnet_sample_fn)(void *user, int64_t index, float *input, float *target);

/** Like sixnet_sample_fn, in double. */
typedef int32_t (*sixnet_sample_f64_fn)(void *user, int64_t index, double *input, double *target);

/** Creates a dataset whose samples are produced on demand by a callback.
 * @param[out] out the new dataset; release with sixnet_dataset_free()
 * @param spec options kind "dataset_from_callback", such as "shape=3x32x32 target_shape=1"
 * @param n number of samples, at least 1
 * @param fn must be callable as long as the dataset or an object created from it exists
 * @param user passed to fn
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_INVALID_ARGUMENT, SIXNET_TOO_LARGE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_callback(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                                sixnet_sample_fn fn, void *user);

/** Like sixnet_dataset_from_callback(), for a callback that produces double. Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_callback_f64(sixnet_dataset **out, sixnet_context *ctx, const char *spec,
                                                    int64_t n, sixnet_sample_f64_fn fn, void *user);

/** Splits a dataset in two. The random split depends only on the seed. The parts refer to the samples of ds and start
 * with its current transforms; transforms added later to ds or to one part affect only that dataset.
 * @param[out] first,second the parts; release each with sixnet_dataset_free()
 * @param spec options kind "dataset_split", such as "first_size=50000 seed=1"; shuffle=false keeps the order of the
 *         samples. For cross-validation, "folds=5 fold=0" divides the samples into five folds whose sizes differ by at
 *         most one: the second part is the fold of that number (from 0), the first part has the others. stratify=true
 *         gives both parts the same share of each class, within one sample; targets must be class numbers, and a
 *         callback is called for every sample
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_INVALID_ARGUMENT if a part would be empty, SIXNET_BAD_DATA if stratify finds
 *         no class numbers, SIXNET_CALLBACK_FAILED, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_split(sixnet_dataset **first, sixnet_dataset **second, sixnet_dataset *ds,
                                        const char *spec);

/** Releases the dataset. Threads: changes ds. */
SIXNET_API void sixnet_dataset_free(sixnet_dataset *ds);

/** Appends a transform to those applied to every sample, such as "normalize mean=0.1307 std=0.3081". Random transforms,
 * such as "random_affine degrees=10 translate=0.07 scale=0.9,1.1", depend only on the seed of the dataset's context,
 * the epoch, their position in the list, and the sample (mixup and cutmix also on which samples the dataset has). The
 * epoch is 0 except in training runs and batch iterators. "one_hot num_classes=10" and "mixup num_classes=10" turn
 * class targets into probabilities.
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_BAD_SHAPE if the transform does not apply to samples of this shape,
 *         SIXNET_BAD_DATA if it does not apply to these targets, SIXNET_TOO_LARGE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: changes ds. */
SIXNET_API int32_t sixnet_dataset_add_transform(sixnet_dataset *ds, const char *spec);

/** Returns the number of samples. Threads: reads ds. */
SIXNET_API int64_t sixnet_dataset_size(const sixnet_dataset *ds);

/** Returns the name of the class with label `index`, which sixnet_dataset_open() takes from a folder's name; NULL if there
 * is no such class or classes have no names. Valid as long as the dataset or a part split from it exists.
 * Threads: reads ds. */
SIXNET_API const char *sixnet_dataset_class_name(const sixnet_dataset *ds, int64_t index);

/** Returns the shapes of one sample and of one target.
 * @param[out] dims,target_dims 8 elements each
 * @param[out] rank,target_rank numbers of dimensions written
 * @return SIXNET_OK
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_shape(const sixnet_dataset *ds, int64_t *dims, int32_t *rank, int64_t *target_dims,
                                        int32_t *target_rank);

/** Copies out one transformed sample.
 * @param index from 0 to the number of samples - 1
 * @param[out] input,target capacity of one sample and one target (see sixnet_dataset_shape()); either may be NULL
 * @return SIXNET_OK, SIXNET_INVALID_ARGUMENT if index is out of range, SIXNET_CALLBACK_FAILED
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_get_sample(const sixnet_dataset *ds, int64_t index, float *input, float *target);

/** Like sixnet_dataset_get_sample(), in double. Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_get_sample_f64(const sixnet_dataset *ds, int64_t index, double *input,
                                                 double *target);

/** Yields the samples of a dataset in batches. Keeps the dataset alive. */
typedef struct sixnet_batch_iterator sixnet_batch_iterator;

/** Creates an iterator that yields a dataset in batches.
 * @param[out] out the new iterator; release with sixnet_batch_iterator_free()
 * @param spec options kind "batch_iterator": `batch_size` (required), `shuffle` (default true), `seed` (default: the
 *         context's), `drop_last` (default false: the last batch of an epoch may be smaller), `balance` (default false;
 *         true: an epoch has as many samples as the dataset, the same number of each class, within one: large classes
 *         are sampled at random, samples of small ones repeat; targets must be class numbers)
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_INVALID_ARGUMENT if drop_last=true would yield no batch, SIXNET_BAD_DATA if
 *         balance finds no class numbers, SIXNET_CALLBACK_FAILED
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_batch_iterator_new(sixnet_batch_iterator **out, sixnet_dataset *ds, const char *spec);

/** Releases the iterator. Threads: changes batches. */
SIXNET_API void sixnet_batch_iterator_free(sixnet_batch_iterator *batches);

/** Starts an epoch. The shuffle depends only on the seed and the epoch number.
 * @param epoch 0 or more
 * @return SIXNET_OK or SIXNET_INVALID_ARGUMENT
 *
 * Threads: changes batches; reads its dataset. */
SIXNET_API int32_t sixnet_batch_iterator_start_epoch(sixnet_batch_iterator *batches, int64_t epoch);

/** Returns the next batch.
 * @param[out] inputs,targets n samples each, valid until the next call for this iterator; targets is NULL for data
 *         without targets
 * @param[out] n number of samples; 0 at the end of the epoch
 * @return SIXNET_OK, SIXNET_CALLBACK_FAILED, SIXNET_OUT_OF_MEMORY
 *
 * Threads: changes batches; reads its dataset. */
SIXNET_API int32_t sixnet_batch_iterator_next(sixnet_batch_iterator *batches, const float **inputs,
                                              const float **targets, int64_t *n);

/** Like sixnet_batch_iterator_next(), in double. Calls of both may alternate; each invalidates the arrays of the
 * previous call.
 * @return SIXNET_OK, SIXNET_CALLBACK_FAILED, or SIXNET_OUT_OF_MEMORY; the first batch of doubles in an f32 context
 *         allocates memory
 *
 * Threads: changes batches; reads its dataset. */
SIXNET_API int32_t sixnet_batch_iterator_next_f64(sixnet_batch_iterator *batches, const double **inputs,
                                                  const double **targets, int64_t *n);

/** Returns the position of an iterator.
 * @param[out] epoch as passed to sixnet_batch_iterator_start_epoch(); may be NULL
 * @param[out] position number of samples of the epoch that were yielded; may be NULL
 * @return SIXNET_OK
 *
 * Threads: reads batches. */
SIXNET_API int32_t sixnet_batch_iterator_position(const sixnet_batch_iterator *batches, int64_t *epoch,
                                                  int64_t *position);

/** @} */

/** @defgroup profile Profiling
 * Per-node timing of a model. Off by default and free when off.
 * @{ */

/** Starts a profile with all counters at zero (enable = 1), or ends it and discards the counters (enable = 0).
 * @return SIXNET_OK, SIXNET_BAD_STATE if the model is not compiled, SIXNET_OUT_OF_MEMORY (a running profile then
 *         continues)
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_profile(sixnet_model *net, int32_t enable);

/** Returns one counter of the current profile.
 * @param node a node, or SIXNET_NO_NODE for work that belongs to no single node (copying predictions, summing
 *         gradients)
 * @param key "forward_" or "backward_" followed by: "seconds" (summed over threads), "calls" (timed calls), "passes",
 *         "samples" (of all passes), "flops" (two per multiply-add with weights; nothing else is counted), "bytes"
 *         (minimum traffic: each value of inputs, output, parameters and gradients once)
 * @return the counter; NaN if profiling is off or the key is unknown
 *
 * Threads: reads net. */
SIXNET_API double sixnet_model_profile_get(const sixnet_model *net, sixnet_node node, const char *key);

/** @} */

/** @defgroup fit Fit and evaluate
 * @{ */

/** State of a running sixnet_model_fit(), valid during the callback only. */
typedef struct sixnet_progress sixnet_progress;

/** Returns one number of a progress report.
 * @param key
 *        - "epoch_end": 1 at the end of an epoch, 0 after a batch
 *        - "epoch", "epochs", "batch", "batches": current number, from 1, and total
 *        - "samples": samples processed in this epoch
 *        - "loss", "accuracy": of the epoch's samples so far, each measured before the step of its batch; defined as in
 *          sixnet_model_evaluate(). Accuracy is from 0 to 1, NaN for a loss without accuracy
 *        - "lr": learning rate of the last step
 *        - "seconds", "total_seconds": since the start of the epoch, of the run
 *        - "resume_changes": number of settings that changed when the run was resumed
 *        - "skipped": samples of this epoch that on_nan=skip left out; excluded from loss and accuracy
 *        - "validation_loss", "validation_accuracy": at the end of an epoch, if there is a validation set
 *        - "best_epoch", "best_loss", "best_accuracy": of the best epoch so far, by the `monitor` of sixnet_model_fit()
 * @return the number; NaN if the key is unknown or has no value
 *
 * Threads: reads progress. */
SIXNET_API double sixnet_progress_get(const sixnet_progress *progress, const char *key);

/** Called by sixnet_model_fit() after every batch and at the end of every epoch, in the calling thread. May use the
 * model and the optimizer without training them: read, save, copy, predict, evaluate; and it may set the learning rate
 * of the next batch by sixnet_optimizer_set_learning_rate(). Other calls with them fail with SIXNET_BAD_STATE. Return 0 to continue, nonzero to stop. */
typedef int32_t (*sixnet_progress_fn)(void *user, const sixnet_progress *progress);

/** Trains a model on a dataset. Runs `epochs` passes over the data in shuffled batches of `batch_size`. The result does
 * not depend on the number of threads.
 *
 * **Checkpoints:** with `checkpoint=PATH`, saves the run every `checkpoint_epochs` epochs, every `checkpoint_seconds`
 * seconds, at the end, and when stopped. Keeps the last `checkpoint_keep` files (PATH, PATH.1, ...) and the best epoch
 * (PATH.best). `resume=PATH` continues a run; with the same model, optimizer, data and options the result is
 * bit-identical to an uninterrupted run. A changed setting is an error, or with `resume_changes=allow` a warning in the
 * log; `epochs` and the number of threads may always differ. In paths, write %20 for a space and %25 for '%'.
 *
 * **Non-finite values:** a batch that would make the loss, a gradient, a parameter, a running statistic or the
 * optimizer state NaN or infinite is discarded and changes nothing. Then `on_nan=stop` (default) returns
 * SIXNET_NOT_FINITE; `skip` ignores the batch, and fails only if a whole epoch is skipped; `restore` rewinds to the
 * start of the epoch with half the learning rate, at most ten times per epoch.
 *
 * **Large batches:** `shards=S`, a power of two that divides batch_size, splits each step into S passes (gradient
 * accumulation) to save memory. The result depends on S, but not on the number of threads.
 *
 * **Best epoch:** `monitor` selects the measure: `loss` or `validation_loss` (lowest), `accuracy` or
 * `validation_accuracy` (highest); `val_` is short for `validation_`. The default `auto` is validation accuracy, else
 * validation loss, else loss. An epoch is better only by more than `min_delta`. `early_stopping=N` completes the run
 * once N epochs in a row were not better. With `restore_best=true` the net gets the values of the best epoch (of the
 * average, with `average`) when the run completes; they are kept in memory and in checkpoints.
 *
 * `max_seconds` ends the call after the step that exceeds the limit, with SIXNET_STOPPED and a checkpoint; the net gets the
 * average or the best epoch's values as at the end of a run. Resuming allows as many seconds again.
 *
 * **Samples:** `validation_split=F` holds out that share of `train`, selected by the run's seed, as the validation set.
 * Transforms of `train` apply to both parts; to augment only the training samples, call sixnet_dataset_split() instead.
 * `balance=true` draws all classes equally often (see sixnet_batch_iterator_new()).
 *
 * `average=ema` or `swa` averages the parameters; the net becomes the average when the run completes.
 * `diagnostics=true` reports common problems (see sixnet_model_diagnostic()). The guides "Debugging training" and
 * "Improving accuracy" describe these options.
 *
 * @param train samples to train on
 * @param validation samples to evaluate at the end of every epoch; NULL for none
 * @param options options kind "fit", such as "epochs=20 batch_size=128"; NULL or "" for the defaults
 * @param fn called after every batch and at the end of every epoch; may be NULL. Return nonzero to stop
 * @param user passed to fn
 * @return SIXNET_OK; SIXNET_STOPPED by fn, sixnet_model_cancel() or max_seconds; SIXNET_BAD_SPEC; SIXNET_BAD_SHAPE if the data do
 *         not fit the net; SIXNET_BAD_DATA for a label out of range, a target that the loss does not allow, or a batch
 *         whose classes all have weight 0; SIXNET_NOT_FINITE; SIXNET_CALLBACK_FAILED; with checkpoints also the errors
 *         of sixnet_checkpoint_save() and sixnet_checkpoint_load(). On error, net and opt keep the state after the last
 *         complete step
 *
 * Threads: changes net and opt; reads train and validation. */
SIXNET_API int32_t sixnet_model_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train,
                                    sixnet_dataset *validation, const char *options, sixnet_progress_fn fn, void *user);

/** Returns the number of epochs that the model's last sixnet_model_fit() completed, including those before a resume. The
 * history is kept until the next run ends. Threads: reads net. */
SIXNET_API int64_t sixnet_model_history_size(const sixnet_model *net);

/** Returns one number of the training history.
 * @param epoch 1 for the first epoch
 * @param key "lr" (of the last step), "loss", "accuracy", "validation_loss" or "validation_accuracy" (or
 *         "val_loss" and "val_accuracy"), as sixnet_progress_get() at the end of the epoch
 * @return the number; NaN if there is no such epoch or key
 *
 * Threads: reads net. */
SIXNET_API double sixnet_model_history_get(const sixnet_model *net, int64_t epoch, const char *key);

/** Returns one field of the index-th problem that the last sixnet_model_fit() with `diagnostics=true` found. Iterate
 * index from 0 until NULL. Problems are in the order of detection, one per kind and node, at most 64.
 * @param field "name" ("input_not_finite", "value_not_finite", "loss_not_finite", "gradient_not_finite",
 *         "update_not_finite", "label_out_of_range", "probabilities_as_scores", "input_too_large", "input_too_small",
 *         "exploding_gradient", "dead_relu" or "constant_output"), "node" (the name of the layer), "epoch" and "batch"
 *         (from 1; 0 before the first batch), "text" (the line of the log) or "remedy"
 * @return string valid until the next sixnet_model_fit() for this model; NULL if index is past the end or field is
 *         unknown
 *
 * Threads: reads net. */
SIXNET_API const char *sixnet_model_diagnostic(const sixnet_model *net, int32_t index, const char *field);

/** Computes loss and accuracy of a model on a dataset, in evaluation mode.
 * @param[out] loss mean (or sum, for a loss with reduction=sum) over all samples; may be NULL
 * @param[out] accuracy from 0 to 1; may be NULL. For cross_entropy and nll: the fraction of samples (or positions)
 *         whose largest output is the target's class or most probable class. For bce_with_logits: the fraction of
 *         outputs, over all samples, above 0 where the target is at least 1/2 and not above 0 elsewhere. Other losses:
 *         NaN
 * @return SIXNET_OK; SIXNET_STOPPED after sixnet_model_cancel() (nothing is written); SIXNET_BAD_DATA for a mean over
 *         targets whose classes all have weight 0; or as sixnet_model_fit() for data that do not fit the net
 *
 * Threads: changes net; reads ds. */
SIXNET_API int32_t sixnet_model_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy);

/** Evaluates a model on a dataset, and computes metrics beyond loss and accuracy from all outputs in double, as scikit-learn
 * (zero_division=0). They are kept with the model until the next successful call. The results of cross_entropy and nll have C
 * classes. A bce loss with one output has two classes; with several outputs, each is a label that is set or not.
 *
 * All losses: "samples", "loss", "accuracy" (see sixnet_model_evaluate()). Losses of numbers, such as mse: "mae", "rmse", "r2"; with several outputs, the mean over the
 * outputs. Losses of classes and labels:
 * - "subset_accuracy" of labels: share of samples whose labels are all right
 * - "precision_each", "recall_each", "f1_each": of each class or label; TP / (TP + FP), TP / (TP + FN) and
 *   2 TP / (2 TP + FP + FN), 0 if the divisor is 0. "precision_macro", "recall_macro", "f1_macro": their means.
 *   "precision", "recall", "f1": of class 1 if there are two classes, else the mean
 * - "support": number of samples of each class or label
 * - "confusion": [true class][predicted class], up to 1000 classes; of labels [label][TN, FP, FN, TP]
 * - "matthews_correlation" (of classes; Gorodkin 2004), "top_k_accuracy" (of cross_entropy and nll)
 * - "auc_each": area under the ROC curve of a class against all others, NaN if one of the two is absent; "auc": the mean of
 *   those that are not NaN (macro, one-vs-rest); "roc": [class][i] true positive rate at a false positive rate of i / 100
 * - "calibration_error": expected calibration error over `bins` bins of confidence, the probability of the predicted class
 *   (Guo et al. 2017); "calibration": [bin][mean confidence, accuracy, count]
 *
 * Takes memory for all outputs, 16 bytes a value.
 * @param options options kind "metrics": `top_k` (5), `bins` (15); NULL or "" for the defaults
 * @param[out] json all metrics as a JSON object, NaN as null; valid until the next call for this model; may be NULL
 * @return as sixnet_model_evaluate(); SIXNET_BAD_SPEC, SIXNET_OUT_OF_MEMORY
 *
 * Threads: changes net; reads ds. */
SIXNET_API int32_t sixnet_model_metrics(sixnet_model *net, sixnet_dataset *ds, const char *options, const char **json);

/** Returns one number of the metrics that the last sixnet_model_metrics() computed.
 * @param name a metric; with an index for one class, "f1_each[2]", and with two for a table, "confusion[2,0]"
 * @return the number; NaN if there is none
 *
 * Threads: reads net. */
SIXNET_API double sixnet_model_metric(const sixnet_model *net, const char *name);

/** @} */

/** @defgroup files Files
 * A saved model is a safetensors file: the tensors under their names, in the context's dtype, and as metadata the net's
 * text ("sixnet.net"), the library's version and a SHA-256 of all bytes ("sixnet.checksum").
 *
 * **Saving** is atomic: the library writes a temporary file in the same directory, syncs it, and renames it over the
 * target. After a crash or power loss the path holds the complete old or the complete new file. Programs that have the
 * old file open or mapped are not affected. Permissions are preserved. Symbolic links, directories, pipes and devices
 * are rejected.
 *
 * **Loading** treats files as untrusted: a malformed file is rejected with the offset and field in the message. Memory
 * use, including the model, is below 16 times the file size plus 16 MiB; time is O(n log n). Lower the limits with
 * `max_bytes` and the context's `max_memory`. Running a loaded model may need more memory; see
 * sixnet_model_memory_needed().
 * @{ */

/** Receives the next size bytes of a file. Returns 0; any other value aborts the call with SIXNET_CALLBACK_FAILED. */
typedef int32_t (*sixnet_write_fn)(void *user, const void *data, uint64_t size);

/** Reads up to size bytes of a file, continuing where the previous call ended. Returns the number of bytes, 0 at the
 * end; a negative value aborts the call with SIXNET_CALLBACK_FAILED. */
typedef int64_t (*sixnet_read_fn)(void *user, void *data, uint64_t size);

/** Saves a compiled model to a file.
 * @param path file to create or replace
 * @param options options kind "model_save": `sync=false` does not wait for the disk; may be NULL
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_BAD_STATE if the model is not compiled, or SIXNET_IO_ERROR (the old file
 *         remains)
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_save(const sixnet_model *net, const char *path, const char *options);

/** Saves a compiled model to memory. Call with memory NULL to query the size; the same model always gives the same
 * bytes.
 * @param[out] memory buffer of capacity bytes, or NULL
 * @param capacity size of memory in bytes
 * @param[out] size bytes needed (and written if memory is not NULL)
 * @return SIXNET_OK, SIXNET_BAD_STATE if the model is not compiled, SIXNET_INVALID_ARGUMENT if capacity is too small
 *         (size is set; memory is undefined)
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_save_to_buffer(const sixnet_model *net, void *memory, uint64_t capacity,
                                               uint64_t *size);

/** Saves a compiled model through a callback that receives consecutive parts of the file.
 * @return SIXNET_OK, SIXNET_BAD_STATE if the model is not compiled, SIXNET_CALLBACK_FAILED
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_save_to_stream(const sixnet_model *net, sixnet_write_fn fn, void *user);

/** Loads a model, compiled, from a file of sixnet_model_save() or sixnet_checkpoint_save(). Custom layers must be
 * registered with the context.
 * @param[out] out the new model; release with sixnet_model_free()
 * @param options options kind "model_load"; may be NULL. `max_bytes` rejects larger files; `checksum=false` accepts a
 *         missing or wrong checksum; `check_values=false` accepts values that are NaN or infinite
 * @return SIXNET_OK, SIXNET_IO_ERROR, SIXNET_BAD_FILE, SIXNET_TOO_LARGE, SIXNET_UNSUPPORTED for a file of a later
 *         format, SIXNET_CALLBACK_FAILED from the setup of a custom layer, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_load(sixnet_model **out, sixnet_context *ctx, const char *path, const char *options);

/** Loads a model from memory. Otherwise like sixnet_model_load().
 * @param memory size bytes, not needed after the call
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_load_from_buffer(sixnet_model **out, sixnet_context *ctx, const void *memory,
                                                 uint64_t size, const char *options);

/** Loads a model through a callback, which is called until it returns 0 bytes. Otherwise like sixnet_model_load().
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_load_from_stream(sixnet_model **out, sixnet_context *ctx, sixnet_read_fn fn, void *user,
                                                 const char *options);

/** Loads tensors by name from any safetensors file into a compiled model, like PyTorch's load_state_dict(). Converts
 * F32, F64, F16 and BF16; ignores num_batches_tracked and a checkpoint's own tensors. On error the model is unchanged.
 * @param options options kind "model_load_weights"; may be NULL. `strict=false` accepts missing and extra tensors
 *         (shapes must always match); `max_bytes` and `check_values` as in sixnet_model_load(); a checksum is verified
 *         if the file has one
 * @param[out] report "" or lines "missing: NAME, ...", "unexpected: ...", "mismatch: ..."; long lists end in "and N
 *         more". Set on failure too; borrowed until the next call for this model; may be NULL
 * @return SIXNET_OK or an error of sixnet_model_load()
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_load_weights(sixnet_model *net, const char *path, const char *options,
                                             const char **report);

/** Loads tensors by name from size bytes of memory. Otherwise like sixnet_model_load_weights(). Threads: changes net.
 */
SIXNET_API int32_t sixnet_model_load_weights_from_buffer(sixnet_model *net, const void *memory, uint64_t size,
                                                         const char *options, const char **report);

/** Saves a training run: model, optimizer state and settings, schedule, random-number counters and the position of the
 * batches. Gradients are not saved. sixnet_model_fit() saves checkpoints itself with `checkpoint=PATH`.
 * @param opt an optimizer of net
 * @param batches may be NULL
 * @param options as in sixnet_model_save()
 * @return SIXNET_OK, SIXNET_INVALID_ARGUMENT if opt belongs to another model, or as sixnet_model_save()
 *
 * Threads: reads net, opt and batches. */
SIXNET_API int32_t sixnet_checkpoint_save(const sixnet_model *net, const sixnet_optimizer *opt,
                                          const sixnet_batch_iterator *batches, const char *path, const char *options);

/** Restores a training run: sets model, optimizer and batches to the saved state. They must have been created as the
 * saved ones were: same net, seed, dtype, kind of optimizer and schedule. The optimizer's settings become those of the
 * file. From a run with `average` the model gets the plain values; sixnet_model_load() returns the average.
 * @param batches may be NULL; the next batch is the one that would have followed
 * @param options as in sixnet_model_load()
 * @return SIXNET_OK, SIXNET_INVALID_ARGUMENT if the saved run does not match, or as sixnet_model_load(); on error all
 *         are unchanged
 *
 * Threads: changes net, opt and batches. */
SIXNET_API int32_t sixnet_checkpoint_load(sixnet_model *net, sixnet_optimizer *opt, sixnet_batch_iterator *batches,
                                          const char *path, const char *options);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
