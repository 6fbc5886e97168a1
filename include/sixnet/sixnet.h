/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_SIXNET_H
#define SIXNET_SIXNET_H

/** @file
 * libsixnet: build, train and run a neural net inside your program.
 *
 * ## Rules that hold for every function here
 *
 * **Status.** A function that can fail returns an int32_t: SIXNET_OK (0), SIXNET_STOPPED (1, a callback or sixnet_model_cancel() asked
 * to stop) or a negative status. sixnet_last_error() then says in one line what was wrong and what would be right. A call that fails
 * leaves the objects it was given, and files, as they were, whatever failed: memory, threads, the disk, a function of the
 * caller's. Two kinds of calls are many steps: sixnet_model_fit() leaves its objects as they were after the last whole step, and a
 * build keeps the first error of a sixnet_model_add(). A training pass that fails half-way, because of the data or of a function of
 * the caller's, ends the pass before it, so that sixnet_model_forward() comes next. Functions that return a pointer return NULL on
 * failure.
 *
 * **Ownership.** A creator takes its out-parameter first and hands over a handle, which the caller gives back to the
 * matching `_free`; `_free(NULL)` does nothing. A creator that fails stores NULL. A `const` pointer that is returned is
 * borrowed: it stays valid until the object it came from is changed or freed, if nothing else is said. An object keeps
 * what it depends on alive (an optimizer its model, a model its context), so handles may be freed in any order.
 *
 * **Threads.** Different objects may be used by different threads at the same time, objects that share a context or a model's
 * parameters included. What a function does with the objects it is given is said at the end of its comment:
 * *reads* - any number of threads may do that with an object at once, as long as none changes it;
 * *changes* - meanwhile no other call may read or change the object; freeing changes the handle only, not what others keep alive;
 * *any* - at any time, whatever other threads do.
 * Who wants to predict in several threads with one model gives each a predictor (sixnet_predictor_new()); who wants to train
 * meanwhile trains a copy (sixnet_model_copy()). Whatever the number of threads, of the context's or the caller's, results have
 * the same bits.
 *
 * **Callbacks.** A function of the caller's that a call runs may use objects as another thread could meanwhile: what the call
 * changes must not be touched, what it reads may be read. A call that breaks this does nothing and fails with SIXNET_BAD_STATE (or its NULL,
 * NaN, 0 or SIXNET_NO_NODE); a `_free` leaves a handle that the running call was given. Two callbacks differ: sixnet_progress_fn may
 * read what sixnet_model_fit() changes, and a sixnet_malloc_fn or sixnet_free_fn may use no object at all. A callback returns; it
 * must not leave by longjmp() or an exception.
 *
 * **fork().** The child may go on with all objects that no other thread of the parent was using at that moment. The threads of a
 * context stay with the parent; in the child its work is done by the calling thread, with the same bits. Freeing works as usual.
 *
 * **Values.** Samples are rows: an array of n samples is n times the sample's values one after another, the last index
 * of the shape running fastest, as in a C-contiguous NumPy array. Where a function takes `float *` and its twin with
 * the suffix `_f64` takes `double *`, both work with any context and convert if its dtype is the other one.
 *
 * **Text.** Layers, losses, optimizers, schedules, transforms and options are words: a kind followed by `attribute=value`
 * pairs, such as `"conv2d out_channels=8 kernel_size=3 padding=1 bias=false"`. sixnet_kind_field() and sixnet_attribute_field()
 * enumerate every word there is, with ranges and defaults. Attributes bear the names that PyTorch gives them and mean the
 * same. A pair of height and width is written with an x, `kernel_size=1x9`, or as one number for both; a shape likewise, `1x28x28`; a
 * list with commas, `milestones=10,15`.
 *
 * **A good guest.** The library never prints, exits, aborts, installs a signal handler, changes the locale or keeps
 * global state, and starts no thread unless a context asks for some.
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

#define SIXNET_OK 0      /**< it worked */
#define SIXNET_STOPPED 1 /**< it worked, and ended early because a callback or sixnet_model_cancel() asked for it */
#define SIXNET_INVALID_ARGUMENT -1 /**< a NULL, a negative count, a handle of another context */
#define SIXNET_OUT_OF_MEMORY -2    /**< the allocator returned NULL */
#define SIXNET_BAD_SPEC -3    /**< a spec or a net text that does not parse: an unknown word, a value out of range */
#define SIXNET_BAD_SHAPE -4   /**< shapes that do not fit each other */
#define SIXNET_BAD_STATE -5   /**< the right call at the wrong time, such as forward before compile */
#define SIXNET_IO_ERROR -6    /**< a system call on a file failed */
#define SIXNET_BAD_FILE -7    /**< a file that is not what it claims to be */
#define SIXNET_TOO_LARGE -8   /**< more than a stated limit */
#define SIXNET_NOT_FOUND -9   /**< no node, tensor or kind of that name */
#define SIXNET_BAD_DATA -10   /**< a sample that cannot be used, such as a label out of range */
#define SIXNET_NOT_FINITE -11 /**< the loss or a gradient became NaN or infinite */
#define SIXNET_CALLBACK_FAILED -12 /**< a function of the caller's returned an error */
#define SIXNET_UNSUPPORTED -13     /**< this machine or build does not have it */

/** The name of a status, such as "SIXNET_BAD_SHAPE"; NULL if there is none with that number.
 * Static storage. Threads: any. */
SIXNET_API const char *sixnet_status_name(int32_t status);

/** The message of the calling thread's last failed call: one line without a line break, which names the thing and the
 * remedy; "" if none failed yet. Valid until the next failing call of the same thread. Threads: any. */
SIXNET_API const char *sixnet_last_error(void);

/** The errno of the system call that failed the calling thread's last failed call, such as ENOENT with SIXNET_IO_ERROR for a file
 * that does not exist; 0 if no system call was at fault. Threads: any. */
SIXNET_API int32_t sixnet_last_system_error(void);

/** The version of the library in use, "major.minor.patch". Static storage. Threads: any. */
SIXNET_API const char *sixnet_version(void);

/** The version as one number, major * 1000000 + minor * 1000 + patch. Threads: any. */
SIXNET_API int32_t sixnet_version_number(void);

/** @} */

/** @defgroup kinds Kinds
 * Every word that the text interface understands, from the tables that the parser itself uses.
 * @{ */

/** One field of the index-th kind of a family.
 * @param family "layer", "loss", "optimizer", "schedule", "transform", or "options" for the option texts of the functions below
 *        (their kinds are named after the functions, "fit" for sixnet_model_fit())
 * @param index 0 and up, in no promised order
 * @param field "name" or "help" (one line)
 * @return static text; NULL past the last kind, or if family or field is unknown
 *
 * Threads: any. */
SIXNET_API const char *sixnet_kind_field(const char *family, int32_t index, const char *field);

/** One field of the index-th attribute of a kind.
 * @param family as in sixnet_kind_field()
 * @param kind a kind's name
 * @param index 0 and up, in the order of the documentation
 * @param field "name", "type" ("int", "float", "bool", "pair", "shape", "list", "text", "path" or "choice"), "default"
 *        ("required" if there is none), "range" or "help"
 * @return text valid until the calling thread's next call of this function; NULL past the last attribute or if a word
 *         is unknown
 *
 * Threads: any. */
SIXNET_API const char *sixnet_attribute_field(const char *family, const char *kind, int32_t index, const char *field);

/** @} */

/** @defgroup context Context
 * Where a program says how the library may use its process.
 * @{ */

/** Allocator, threads, instruction set, dtype, seed and log of everything created with it. Once set up it is not
 * changed by use, and any number of threads may create objects with it. Wherever a context is asked for NULL is one
 * too: malloc, one thread, the best instruction set, f32, seed 0, silence. */
typedef struct sixnet_context sixnet_context;

/** Like malloc: size bytes aligned for any type, or NULL. Called from any thread that uses the context. */
typedef void *(*sixnet_malloc_fn)(void *user, size_t size);
/** Like free, for what the same context's sixnet_malloc_fn returned; never called with NULL. */
typedef void (*sixnet_free_fn)(void *user, void *memory);
/** Takes one line (no line break). level: 0 information, 1 warning. Called in the thread that made the call. */
typedef void (*sixnet_log_fn)(void *user, int32_t level, const char *line);

/** Creates a context.
 * @param[out] out the new context, to be given to sixnet_context_free()
 * @param options text of the options kind "context", such as "threads=2 dtype=f64 seed=7"; NULL or "" for the defaults:
 *        `threads` (1; 0 means every processor the process may use), `isa` (auto, or the highest instruction set to use:
 *        baseline, avx2, avx512, neon), `dtype` (f32, f64), `convolution` (auto, or direct: conv2d never uses Winograd's
 *        algorithm, which is faster and rounds otherwise), `seed` (0), `max_memory` (0: no limit; the bytes that everything
 *        created with the context may take at once: a call that would need more is SIXNET_OUT_OF_MEMORY)
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_OUT_OF_MEMORY, or SIXNET_UNSUPPORTED for an instruction set that the
 *         processor or the build lacks, or if the system refuses to start the threads
 *
 * Threads: any. */
SIXNET_API int32_t sixnet_context_new(sixnet_context **out, const char *options);

/** As sixnet_context_new(), with an allocator for all the memory of the context and of everything created with it.
 * @param malloc_fn,free_fn both NULL for malloc and free
 * @param user handed to both
 *
 * Threads: any. */
SIXNET_API int32_t sixnet_context_new_with_allocator(sixnet_context **out, const char *options,
                                                     sixnet_malloc_fn malloc_fn, sixnet_free_fn free_fn, void *user);

/** Gives the caller's handle back; the context itself ends with the last object created with it. Threads: changes ctx. */
SIXNET_API void sixnet_context_free(sixnet_context *ctx);

/** Sends log lines to fn, or nowhere if fn is NULL. Not to be called while another thread uses the context.
 * Threads: changes ctx. */
SIXNET_API int32_t sixnet_context_set_log(sixnet_context *ctx, sixnet_log_fn fn, void *user);

/** One setting in effect: "isa" (the one in use: "baseline", "avx2", "avx512", "neon", or "generic" for f64), "dtype",
 * "convolution", "threads", "seed" or "max_memory". NULL if the key is unknown. Valid as long as the context. Threads: reads ctx. */
SIXNET_API const char *sixnet_context_get(const sixnet_context *ctx, const char *key);

/** @} */

/** @defgroup building Model: building
 * @{ */

/** A net: a graph of layer nodes and the parameters it learns. */
typedef struct sixnet_model sixnet_model;

/** A node of a model: 0 and up in the order in which nodes are added. */
typedef int32_t sixnet_node;

#define SIXNET_NO_NODE (-1) /**< no node: the input of an input layer, and what a failed sixnet_model_add() returns */

/** Creates an empty model. ctx may be NULL. Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_new(sixnet_model **out, sixnet_context *ctx);

/** Creates a model from a whole net's text: one layer a line, which takes the output of the line above unless it says
 * `from=NAME` (or `from=NAME,NAME` for layers of several inputs), where NAME is a node's name; `#` starts a comment. The
 * model is compiled. An error names the line.
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_BAD_SHAPE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_parse(sixnet_model **out, sixnet_context *ctx, const char *text);

/** Copies a compiled model: its net, tensors, gradients and counters of random numbers, in the same context. The copy does
 * from then on what the model would have done, and neither knows of the other.
 * @return SIXNET_OK, SIXNET_BAD_STATE before compile, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_copy(sixnet_model **out, const sixnet_model *net);

/** Frees the model; what was borrowed from it ends, optimizers and predictors made for it keep what they need.
 * Threads: changes net. */
SIXNET_API void sixnet_model_free(sixnet_model *net);

/** Adds a layer or a loss that takes the output of one node (SIXNET_NO_NODE for an input layer).
 * Any layer may be given a name with `name=`: 1 to 255 letters, digits, '_' and '.', the first not a '.', such as layer1.0.conv1.
 * Without one it gets its kind's short form and a number (conv1, bn2, linear1).
 * `from=`, as in sixnet_model_parse(), may take the place of input, which is SIXNET_NO_NODE then, or must name the same node.
 * @return the new node, or SIXNET_NO_NODE if it failed; giving a failed node to later calls is harmless, as none adds a node before
 *         sixnet_model_compile() has reported the first error of the build. Then the model is as it was before the failed call.
 *
 * Threads: changes net. */
SIXNET_API sixnet_node sixnet_model_add(sixnet_model *net, const char *spec, sixnet_node input);

/** Adds a layer of several inputs, such as add, mul or concat.
 * @param inputs count nodes; copied
 *
 * Threads: changes net. */
SIXNET_API sixnet_node sixnet_model_add_multi(sixnet_model *net, const char *spec, const sixnet_node *inputs,
                                              int32_t count);

/** Asks that the values and gradients of a node, of all its outputs, can be read with sixnet_node_values() and sixnet_node_gradient()
 * after a forward and a backward pass; without it their memory may be used again. Before sixnet_model_compile(). Threads: changes net. */
SIXNET_API int32_t sixnet_node_retain(sixnet_model *net, sixnet_node node);

/** Checks the graph, lays out its memory and gives the parameters their initial values, drawn with the context's seed.
 * Compiling twice is SIXNET_BAD_STATE.
 * @return SIXNET_OK or the status of the first error of the build, whose message names the node and the attribute; it is reported once, and
 *         building can go on after it
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_compile(sixnet_model *net);

/** The bytes that forward (training 0) or a training step (training 1) will need for n samples at once, parameters and
 * gradients included; nothing is allocated. Works before and after sixnet_model_compile(). Optimizer state is not
 * included. For sixnet_model_fit() with `shards=S`, n is the samples of a shard, batch_size / S; the sums over shards
 * take log2 S times the memory of gradients and buffers in addition.
 * @param[out] bytes the need
 * @return SIXNET_OK, SIXNET_TOO_LARGE if it exceeds the address space, or the build's first error
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_memory_needed(sixnet_model *net, int64_t n, int32_t training, uint64_t *bytes);

/** Gives the parameters fresh initial values, drawn with seed, and the running statistics theirs. With the context's seed the
 * net is then as it was when it was compiled. Threads: changes net. */
SIXNET_API int32_t sixnet_model_reset(sixnet_model *net, uint64_t seed);

/** @} */

/** @defgroup looking Model: looking at it
 * @{ */

/** The table that PyTorch users know from torchsummary: layers, output shapes, parameter counts, memory for one
 * sample. Ends with a line break. Borrowed; NULL before compile. Threads: changes net. */
SIXNET_API const char *sixnet_model_summary(sixnet_model *net);

/** The net as text that sixnet_model_parse() reads: one layer a line, with names and all attributes that differ from
 * their defaults. Borrowed; NULL before compile. Threads: changes net. */
SIXNET_API const char *sixnet_model_text(sixnet_model *net);

/** The number of nodes, input and loss included. Threads: reads net. */
SIXNET_API int32_t sixnet_node_count(const sixnet_model *net);

/** The node of that name, or SIXNET_NO_NODE. Threads: reads net. */
SIXNET_API sixnet_node sixnet_node_find(const sixnet_model *net, const char *name);

/** One field of a node: "name", "kind", or "spec" (its line of text). Borrowed; NULL if there is none. Threads: reads net. */
SIXNET_API const char *sixnet_node_get(const sixnet_model *net, sixnet_node node, const char *field);

/** Names one output of a node that has several, such as split: what sixnet_model_add(), sixnet_node_shape(), sixnet_node_values() and
 * sixnet_node_gradient() take in place of the node, which stands for its first output.
 * @param output the output's name, or its number in decimal; in a net's text `from=NODE:OUTPUT`
 * @return the output, or SIXNET_NO_NODE if the node has none of that name
 *
 * Threads: reads net. */
SIXNET_API sixnet_node sixnet_node_output(const sixnet_model *net, sixnet_node node, const char *output);

/** The shape of a node's output for one sample.
 * @param[out] dims space for 8 numbers
 * @param[out] rank how many were written
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_node_shape(const sixnet_model *net, sixnet_node node, int64_t *dims, int32_t *rank);

/** The shape of what goes into a compiled net or comes out of it, for one sample.
 * @param which "input", "output" (what sixnet_model_predict() gives) or "target" (what sixnet_model_loss() takes)
 * @param[out] dims space for 8 numbers; of a net of several inputs the number of their values together
 * @param[out] rank how many were written
 * @param[out] node the node whose shape it is, that of the loss for a target; SIXNET_NO_NODE for several inputs; may be NULL
 * @return SIXNET_OK, SIXNET_BAD_STATE before compile, SIXNET_NOT_FOUND for the target of a net without a loss or another word
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_shape(const sixnet_model *net, const char *which, int64_t *dims, int32_t *rank,
                                      sixnet_node *node);

/** A retained node's values in the last forward pass.
 * @param[out] values space for the n samples of that pass
 * @param count the capacity of values; must be n times the node's size
 * @return SIXNET_OK, SIXNET_BAD_STATE if the node was not retained or no pass was made
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_node_values(const sixnet_model *net, sixnet_node node, float *values, int64_t count);
/** As sixnet_node_values(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_node_values_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count);

/** The gradient of the loss by a retained node's values in the last backward pass; as sixnet_node_values().
 * Threads: reads net. */
SIXNET_API int32_t sixnet_node_gradient(const sixnet_model *net, sixnet_node node, float *values, int64_t count);
/** As sixnet_node_gradient(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_node_gradient_f64(const sixnet_model *net, sixnet_node node, double *values, int64_t count);

/** @} */

/** @defgroup tensors Model: tensors
 * The state of a compiled model by name, as PyTorch's state_dict names it: "conv1.weight", "bn1.running_mean". Parameters
 * are trained; buffers (running statistics) are not, and have no gradient.
 * @{ */

/** The number of tensors, parameters and buffers. Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_count(const sixnet_model *net);

/** The name of the index-th tensor, in graph order; NULL past the last. Valid as long as the model. Threads: reads net. */
SIXNET_API const char *sixnet_tensor_name(const sixnet_model *net, int32_t index);

/** The shape of a tensor.
 * @param[out] dims space for 8 numbers
 * @param[out] rank how many were written
 * @param[out] trainable 1 for a parameter that learns, 0 for a buffer or a frozen parameter; may be NULL
 * @return SIXNET_OK or SIXNET_NOT_FOUND
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_shape(const sixnet_model *net, const char *name, int64_t *dims, int32_t *rank,
                                       int32_t *trainable);

/** Sets how the tensors that a pattern names are trained: those of the nodes so far. Before or after sixnet_model_compile(); saved with the
 * model's text, as a line `tensors match=PATTERN ...` below these nodes.
 * @param pattern names as sixnet_tensor_name() gives them, or those that a shared tensor has at the other nodes that use it; `*` stands for
 *        any characters, `?` for one: "conv1.*"
 * @param settings one or more of `trainable=false` (frozen: no gradient, no optimizer state, and a batch norm whose tensors are all
 *        frozen uses its running statistics), `trainable=true`, `lr_scale=F` (factor of the learning rate), `weight_decay=F` (in place
 *        of the optimizer's), `weight_decay=optimizer` (the optimizer's again)
 * @return SIXNET_OK, SIXNET_NOT_FOUND if the pattern names no tensor, SIXNET_BAD_SPEC, SIXNET_BAD_STATE if trainable would change
 *         while the model has an optimizer, SIXNET_TOO_LARGE after 4096 different patterns
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_set_tensors(sixnet_model *net, const char *pattern, const char *settings);

/** A setting of a tensor: "trainable" (1 or 0), "lr_scale", or "weight_decay" (-1: the optimizer's). Also "parameter": 1 for a parameter,
 * frozen or not, 0 for a buffer. NaN if there is no such tensor or setting. Threads: reads net. */
SIXNET_API double sixnet_tensor_setting(const sixnet_model *net, const char *name, const char *key);

/** Copies a tensor out.
 * @param count must be the number of its values
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_get(const sixnet_model *net, const char *name, float *values, int64_t count);
/** As sixnet_tensor_get(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_get_f64(const sixnet_model *net, const char *name, double *values, int64_t count);

/** Copies a tensor in.
 * @param count must be the number of its values
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_tensor_set(sixnet_model *net, const char *name, const float *values, int64_t count);
/** As sixnet_tensor_set(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_tensor_set_f64(sixnet_model *net, const char *name, const double *values, int64_t count);

/** Copies a parameter's gradient out: the sum since the last sixnet_model_zero_grad().
 * @param count must be the number of the parameter's values
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_gradient(const sixnet_model *net, const char *name, float *values, int64_t count);
/** As sixnet_tensor_gradient(), in double. Threads: reads net. */
SIXNET_API int32_t sixnet_tensor_gradient_f64(const sixnet_model *net, const char *name, double *values, int64_t count);

/** A tensor's own memory, in the context's dtype, to read without a copy. Valid as long as the model.
 * @param[out] count the number of its values; may be NULL
 *
 * Threads: reads net. */
SIXNET_API const void *sixnet_tensor_data(const sixnet_model *net, const char *name, int64_t *count);

/** SHA-256 over the names, shapes and little-endian values of all tensors, as 64 hexadecimal digits and a NUL.
 * @param[out] digest space for 65 characters
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_digest(const sixnet_model *net, char *digest);

/** @} */

/** @defgroup loop The open loop
 * One training step is sixnet_model_zero_grad(), sixnet_model_forward(), sixnet_model_loss(), sixnet_model_backward(), sixnet_optimizer_step(). Memory is
 * allocated only when n is larger than in any call before.
 * @{ */

/** Runs the net in training mode (dropout drops, batch norm uses the batch).
 * @param inputs n samples; a net of several inputs takes, for each sample, the values of each in the order they were
 *        added
 * @param n 1 and up
 * @return SIXNET_OK, SIXNET_BAD_STATE before compile, SIXNET_BAD_DATA if an embedding's index is out of range,
 *         SIXNET_BAD_SHAPE if batch norm would have a single value per channel
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_forward(sixnet_model *net, const float *inputs, int64_t n);
/** As sixnet_model_forward(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_forward_f64(sixnet_model *net, const double *inputs, int64_t n);

/** Computes the loss of the last sixnet_model_forward() with the net's loss node.
 * @param targets for nll and cross_entropy the class of each sample; for cross_entropy with targets=probabilities, and for the other
 *        losses, n times the size of the output
 * @param[out] loss NaN, as PyTorch's, for a mean over targets whose classes all have weight 0; may be NULL
 * @return SIXNET_OK, SIXNET_BAD_STATE without a loss node or a forward pass, SIXNET_BAD_DATA for a class out of range
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_loss(sixnet_model *net, const float *targets, double *loss);
/** As sixnet_model_loss(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_loss_f64(sixnet_model *net, const double *targets, double *loss);

/** Adds the gradient of the last sixnet_model_loss() by every parameter to the parameters' gradients. Threads: changes net. */
SIXNET_API int32_t sixnet_model_backward(sixnet_model *net);

/** As sixnet_model_backward(), for a net without a loss node or a loss of the caller's own.
 * @param gradient the derivative of the loss by the net's output, n times its size, for the n of the last forward
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_backward_from(sixnet_model *net, const float *gradient);
/** As sixnet_model_backward_from(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_backward_from_f64(sixnet_model *net, const double *gradient);

/** Sets every gradient to zero. Threads: changes net. */
SIXNET_API int32_t sixnet_model_zero_grad(sixnet_model *net);

/** Runs the net in evaluation mode (dropout passes, batch norm uses its running statistics). A sample's result has the
 * same bits alone and in any batch.
 * @param inputs n samples
 * @param n 0 and up; any number, as it is worked through in portions
 * @param[out] outputs n times the size of the output (the loss node's input, or else the last node)
 * @return SIXNET_OK, SIXNET_STOPPED after sixnet_model_cancel() (the outputs are undefined), SIXNET_BAD_STATE before compile,
 *         SIXNET_BAD_DATA if an embedding's index is out of range
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_predict(sixnet_model *net, const float *inputs, int64_t n, float *outputs);
/** As sixnet_model_predict(), in double. Threads: changes net. */
SIXNET_API int32_t sixnet_model_predict_f64(sixnet_model *net, const double *inputs, int64_t n, double *outputs);

/** Memory of a thread's own to predict in: one model predicts in any number of threads at once, each with a predictor and
 * without a lock. It refers to the model's parameters, and holds one tile of 16 samples only. */
typedef struct sixnet_predictor sixnet_predictor;

/** Creates a predictor for a compiled model, which it keeps alive. It may be used by another thread than the one that
 * creates it.
 * @return SIXNET_OK, SIXNET_BAD_STATE before compile, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_predictor_new(sixnet_predictor **out, sixnet_model *net);

/** Frees the predictor. Threads: changes predictor. */
SIXNET_API void sixnet_predictor_free(sixnet_predictor *predictor);

/** The bytes that the predictor took from the context's allocator, which stay the same as long as it lives: the values of one
 * tile of 16 samples and weights packed for single samples. The model's parameters are not among them.
 * @param[out] bytes the memory
 * @return SIXNET_OK
 *
 * Threads: reads predictor. */
SIXNET_API int32_t sixnet_predictor_memory(const sixnet_predictor *predictor, uint64_t *bytes);

/** As sixnet_model_predict(), with the same bits, in the calling thread alone; nothing is allocated. The model must not be changed
 * meanwhile. After a change of its parameters, by training, loading or sixnet_tensor_set(), predictors give what the model now
 * gives. Functions of layers of the caller's are called in each predictor's thread. Profiles do not see predictors.
 * @return SIXNET_OK, SIXNET_STOPPED after sixnet_model_cancel() for the model (the outputs are undefined), SIXNET_BAD_DATA or
 *         SIXNET_CALLBACK_FAILED as sixnet_model_predict()
 *
 * Threads: changes predictor; reads its model. */
SIXNET_API int32_t sixnet_predictor_predict(sixnet_predictor *predictor, const float *inputs, int64_t n,
                                            float *outputs);
/** As sixnet_predictor_predict(), in double. Threads: changes predictor; reads its model. */
SIXNET_API int32_t sixnet_predictor_predict_f64(sixnet_predictor *predictor, const double *inputs, int64_t n,
                                                double *outputs);

/** Ends what runs on a model: sixnet_model_fit() after the batch that is under way, or between its shards, which leaves
 * it out; sixnet_model_evaluate(), sixnet_model_predict(), predictors and sixnet_model_gradient_check() within a
 * batch. They return SIXNET_STOPPED, with all objects in a valid state; a fit can be resumed from its checkpoint,
 * which it saves before it returns. That goes on for all later calls until it is taken back, so a request is never
 * lost, whenever it comes. May be called while the model is in use, and in a signal handler.
 * @param net NULL is allowed and does nothing
 * @param enable 1 to ask, 0 to take it back
 *
 * Threads: any, and signal handlers. */
SIXNET_API void sixnet_model_cancel(sixnet_model *net, int32_t enable);

/** Compares every gradient, by parameters and by inputs, with a numeric one: the four-point stencil
 * (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)) / 12h of the loss, h = 1e-3 * max(1, |x|) in f64. Use a context of dtype f64: in f32
 * the stencil itself is good to about 1e-2 only. Random layers draw the same numbers in every evaluation. The gradients are zero
 * afterwards; all tensors, and the last pass, are as they were.
 * @param inputs,targets n samples
 * @param[out] worst the largest |analytic - numeric| / max(1, |analytic|, |numeric|)
 * @param[out] where borrowed text that names the value it was found at; may be NULL
 * @return SIXNET_OK, SIXNET_STOPPED after sixnet_model_cancel() (nothing is written), SIXNET_BAD_STATE for a net without a loss, or as
 *         sixnet_model_forward() and sixnet_model_loss()
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_gradient_check(sixnet_model *net, const double *inputs, const double *targets,
                                               int64_t n, double *worst, const char **where);

/** @} */

/** @defgroup optimizer Optimizer
 * @{ */

/** Changes a model's parameters along their gradients, at a learning rate that a schedule may change. */
typedef struct sixnet_optimizer sixnet_optimizer;

/** Creates an optimizer for a compiled model, which it keeps alive.
 * @param spec such as "sgd lr=0.1 momentum=0.9" or "adamw lr=1e-3 weight_decay=0.01 clip_norm=1"
 * @param schedule such as "step_lr step_size=10 gamma=0.1"; several, with `;` between them, multiply; NULL or "" for a
 *        constant rate
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_BAD_STATE before compile, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_optimizer_new(sixnet_optimizer **out, sixnet_model *net, const char *spec,
                                        const char *schedule);

/** Frees the optimizer. Threads: changes opt. */
SIXNET_API void sixnet_optimizer_free(sixnet_optimizer *opt);

/** Changes the model's parameters by one step, and moves schedules that count steps (one_cycle_lr, linear_warmup).
 * @return SIXNET_OK, or SIXNET_NOT_FINITE if clipping by norm found a gradient that is not finite (nothing is changed)
 *
 * Threads: changes opt and its model. */
SIXNET_API int32_t sixnet_optimizer_step(sixnet_optimizer *opt);

/** Tells the schedule that an epoch has ended. sixnet_model_fit() does it by itself.
 * @param metric what reduce_on_plateau watches (smaller is better); others ignore it
 *
 * Threads: changes opt. */
SIXNET_API int32_t sixnet_optimizer_end_epoch(sixnet_optimizer *opt, double metric);

/** The learning rate that the next sixnet_optimizer_step() will use. Threads: reads opt. */
SIXNET_API double sixnet_optimizer_learning_rate(const sixnet_optimizer *opt);

/** Sets the base learning rate, which the schedule's factor multiplies; SIXNET_INVALID_ARGUMENT if it is not finite or
 * negative. Threads: changes opt. */
SIXNET_API int32_t sixnet_optimizer_set_learning_rate(sixnet_optimizer *opt, double lr);

/** @} */

/** @defgroup dataset Dataset
 * @{ */

/** Samples with targets. Reading from one dataset in several threads at once is safe, if its callback is.
 *
 * **Precision.** In a context of dtype f64 samples are double from their source to the net. In one of dtype f32 inputs that a float
 * would round (f64, i32, i64, and those of sixnet_dataset_from_callback_f64()) are scaled and transformed in double and rounded once, at
 * the end: `normalize` of times near 1.6e9 keeps seconds. Whole numbers beyond 2^53 become the nearest double first. */
typedef struct sixnet_dataset sixnet_dataset;

/** Reads a pair of IDX files, gzipped or not, into memory. Images of unsigned bytes become values from 0 to 1 and shape
 * 1 x height x width; labels become classes.
 * Takes less memory than the files' size and 1 MiB, of gzipped ones than 1033 times their size and 1 MiB, as deflate packs nothing
 * better; the context's `max_memory` lowers that.
 * @param images,labels paths; labels may be NULL for samples without targets
 * @return SIXNET_OK, SIXNET_IO_ERROR, SIXNET_BAD_FILE (the message has the path, the byte offset and what was expected),
 *         SIXNET_TOO_LARGE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_idx(sixnet_dataset **out, sixnet_context *ctx, const char *images,
                                           const char *labels);

/** Makes a dataset of arrays.
 * @param spec options kind "dataset_from_arrays", such as "input_dtype=f32 shape=1x28x28 target_dtype=i64 copy=false": the element type of
 *        the inputs and of the targets (f32, f64, u8, i32, i64), the shape of a sample and of a target (`target_shape`,
 *        default 1), `scale` by which inputs are multiplied (default 1), and whether the arrays are copied (default) or
 *        borrowed; borrowed arrays must stay as they are until the dataset and everything made from it is freed
 * @param inputs,targets n samples each; targets may be NULL for samples without
 * @param n 1 and up
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_arrays(sixnet_dataset **out, sixnet_context *ctx, const char *spec,
                                              const void *inputs, const void *targets, int64_t n);

/** Writes one sample: its values and its target's. Returns 0, or anything else to end the call that asked with
 * SIXNET_CALLBACK_FAILED. Called in the thread of the call that wants samples, and must give the same sample for the same index; with
 * mixup or cutmix also for samples that are mixed into others. */
typedef int32_t (*sixnet_sample_fn)(void *user, int64_t index, float *input, float *target);

/** As sixnet_sample_fn, in double. */
typedef int32_t (*sixnet_sample_f64_fn)(void *user, int64_t index, double *input, double *target);

/** Makes a dataset whose samples a function produces when they are needed.
 * @param spec options kind "dataset_from_callback", such as "shape=3x32x32 target_shape=1"
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_callback(sixnet_dataset **out, sixnet_context *ctx, const char *spec, int64_t n,
                                                sixnet_sample_fn fn, void *user);

/** As sixnet_dataset_from_callback(), of a function that gives doubles. Threads: reads ctx. */
SIXNET_API int32_t sixnet_dataset_from_callback_f64(sixnet_dataset **out, sixnet_context *ctx, const char *spec,
                                                    int64_t n, sixnet_sample_f64_fn fn, void *user);

/** Splits a dataset in two, at random but always the same way for the same seed. The parts refer to the samples of ds and
 * have the transforms it has now; each goes on by itself.
 * @param[out] first,second the parts, each to be freed
 * @param spec options kind "dataset_split", such as "first_size=50000 seed=1"; shuffle=false cuts without mixing
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_split(sixnet_dataset **first, sixnet_dataset **second, sixnet_dataset *ds,
                                        const char *spec);

/** Frees the dataset. Threads: changes ds. */
SIXNET_API void sixnet_dataset_free(sixnet_dataset *ds);

/** Adds a transform that every sample goes through, after those added before: "normalize mean=0.1307 std=0.3081". What "random_affine
 * degrees=10 translate=0.07 scale=0.9,1.1" and other transforms at random draw depends on the seed of the dataset's context, the epoch, the
 * transform's place among the others and the sample alone, for mixup and cutmix also on which samples the dataset has; outside a training
 * run and a batch iterator the epoch is 0. "one_hot num_classes=10" and
 * "mixup num_classes=10" make probabilities of targets that are class numbers.
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_BAD_SHAPE if the samples are not what it takes, SIXNET_BAD_DATA if the targets are not,
 *         SIXNET_TOO_LARGE, SIXNET_OUT_OF_MEMORY
 *
 * Threads: changes ds. */
SIXNET_API int32_t sixnet_dataset_add_transform(sixnet_dataset *ds, const char *spec);

/** The number of samples. Threads: reads ds. */
SIXNET_API int64_t sixnet_dataset_size(const sixnet_dataset *ds);

/** The shapes of one sample and of one target.
 * @param[out] dims,target_dims space for 8 numbers each
 * @param[out] rank,target_rank how many were written
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_shape(const sixnet_dataset *ds, int64_t *dims, int32_t *rank, int64_t *target_dims,
                                        int32_t *target_rank);

/** Copies one sample out, transformed.
 * @param[out] input,target space for one of each; either may be NULL
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_get_sample(const sixnet_dataset *ds, int64_t index, float *input, float *target);

/** As sixnet_dataset_get_sample(), in double. Threads: reads ds. */
SIXNET_API int32_t sixnet_dataset_get_sample_f64(const sixnet_dataset *ds, int64_t index, double *input,
                                                 double *target);

/** Yields the samples of a dataset in batches; keeps the dataset alive. */
typedef struct sixnet_batch_iterator sixnet_batch_iterator;

/** Creates a batch iterator.
 * @param spec options kind "batch_iterator", such as "batch_size=128 shuffle=true seed=3 drop_last=false". The last batch of an epoch has
 *        what is left, and the only one all samples if they are fewer than batch_size; drop_last=true leaves out what is not full
 * @return SIXNET_OK, SIXNET_BAD_SPEC, or SIXNET_INVALID_ARGUMENT if drop_last=true would leave no batch
 *
 * Threads: reads ds. */
SIXNET_API int32_t sixnet_batch_iterator_new(sixnet_batch_iterator **out, sixnet_dataset *ds, const char *spec);

/** Frees the batch iterator. Threads: changes batches. */
SIXNET_API void sixnet_batch_iterator_free(sixnet_batch_iterator *batches);

/** Begins an epoch: a new order, which depends on the seed and the epoch's number only.
 * Threads: changes batches; reads its dataset. */
SIXNET_API int32_t sixnet_batch_iterator_start_epoch(sixnet_batch_iterator *batches, int64_t epoch);

/** The next batch.
 * @param[out] inputs,targets n samples each, valid until the next call for this iterator; targets is NULL if there are none
 * @param[out] n how many; 0 at the end of the epoch
 *
 * Threads: changes batches; reads its dataset. */
SIXNET_API int32_t sixnet_batch_iterator_next(sixnet_batch_iterator *batches, const float **inputs,
                                              const float **targets, int64_t *n);

/** As sixnet_batch_iterator_next(), in double. The two may follow each other; either ends what the other gave.
 * @return SIXNET_OK; SIXNET_OUT_OF_MEMORY also for the first batch of doubles in a context of dtype f32, whose memory is taken then
 *
 * Threads: changes batches; reads its dataset. */
SIXNET_API int32_t sixnet_batch_iterator_next_f64(sixnet_batch_iterator *batches, const double **inputs,
                                                  const double **targets, int64_t *n);

/** The position of a batch iterator.
 * @param[out] epoch as given to sixnet_batch_iterator_start_epoch(); may be NULL
 * @param[out] position how many of its samples were given out; may be NULL
 *
 * Threads: reads batches. */
SIXNET_API int32_t sixnet_batch_iterator_position(const sixnet_batch_iterator *batches, int64_t *epoch,
                                                  int64_t *position);

/** @} */

/** @defgroup profile Profile
 * Where a model's time goes, node by node. Off at first, and then without cost.
 * @{ */

/** Begins a profile with all numbers zero (on 1), or ends it and forgets the numbers (on 0).
 * @return SIXNET_OK, SIXNET_BAD_STATE before compile, SIXNET_OUT_OF_MEMORY (a profile that was under way then goes on)
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_profile(sixnet_model *net, int32_t enable);

/** One number of the profile so far; NaN if there is no profile or no such number.
 * @param node SIXNET_NO_NODE for what is done for no node alone: giving out predictions, adding up the gradients of tiles of samples
 * @param key "forward_" or "backward_" and one of: "seconds" (of all threads together), "calls" (pieces of work timed), "passes",
 *        "samples" (of all passes), "flops" (of multiply-adds with weights, 2 each; other arithmetic is not counted) and "bytes" (every
 *        value of inputs, output, parameters and their gradients that the pass needs, once; it may move more)
 *
 * Threads: reads net. */
SIXNET_API double sixnet_model_profile_get(const sixnet_model *net, sixnet_node node, const char *key);

/** @} */

/** @defgroup fit Fit, evaluate
 * @{ */

/** What a running sixnet_model_fit() tells. Valid during the callback only. */
typedef struct sixnet_progress sixnet_progress;

/** One number of a progress report; NaN if there is none of that name.
 * @param key "epoch_end" (1 at the end of an epoch, 0 after a batch), "epoch" (1 and up), "epochs", "batch" (1 and up),
 *        "batches", "samples" (done in this epoch), "loss" and "accuracy" (of the epoch's samples so far, as each batch found the net;
 *        the loss is the mean or the sum that sixnet_model_evaluate() gives for the same outputs; accuracy from 0 to 1, NaN for a loss
 *        that has none, see sixnet_model_evaluate()), "lr" (of the last step), "seconds" (since the epoch began), "total_seconds",
 *        "resume_changes" (the number of settings that were changed when the run was resumed, see sixnet_model_fit()),
 *        "skipped" (samples of this epoch that on_nan=skip has left out; they are in neither loss nor accuracy),
 *        "validation_loss" and "validation_accuracy" (at the end of an epoch, if there is a validation set), "best_epoch",
 *        "best_loss" and "best_accuracy" (of the best epoch so far, by validation accuracy, or else by validation loss, or
 *        else by loss)
 *
 * Threads: reads progress. */
SIXNET_API double sixnet_progress_get(const sixnet_progress *progress, const char *key);

/** Called by sixnet_model_fit() after every batch and at the end of every epoch, in the thread that called it. It may use the model
 * and the optimizer in ways that train nothing: read, save and copy them, predict, evaluate. Other calls with them are
 * SIXNET_BAD_STATE. Returns 0 to go on, anything else to stop. */
typedef int32_t (*sixnet_progress_fn)(void *user, const sixnet_progress *progress);

/** Trains a net on a dataset.
 *
 * With `checkpoint=PATH` the run is saved (as sixnet_checkpoint_save() does, so that there is a whole file at any moment)
 * every `checkpoint_epochs` epochs, every `checkpoint_seconds` seconds within epochs, at the end, and when it is stopped. The
 * `keep` - 1 files before stay as PATH.1, PATH.2, …, and the best epoch's as PATH.best. `resume=PATH` goes on from such a
 * file: a run that was interrupted, however, and is resumed with the same model, optimizer, data and options, on the same or
 * any other number of threads, ends with the same bits as one that was not. The file records what the run was made with: the
 * optimizer's settings, the options that change the result and, for both datasets, the number of samples, a hash of them (unless a
 * function gives them) and the transforms. A difference is an error that names it; with `resume_changes=allow` it is a warning in the
 * log, and the run goes on with the new setting. The net, the context's seed, the schedule and the kind of optimizer must be the same
 * in any case; `epochs` may always differ. In a path a blank is %20 and a per cent sign %25. A
 * path at which no file can be made ends the call before the first step.
 *
 * A batch that fails changes nothing: tensors, the optimizer's state, the schedule and the counters are as before it, and the
 * gradients zero. `on_nan` says what follows when a batch would have made any of them NaN or infinite:
 * `stop` ends the run with SIXNET_NOT_FINITE; `skip` leaves the batch out, and ends the run only if that happens to all batches of
 * an epoch; `restore` begins the epoch (or, in a run resumed within one, what was left of it) again, with net, optimizer and
 * schedule as they were then and half the base learning rate, which stays so; if that has not helped ten times in an epoch, the
 * run ends as they were then. Each is logged. The result does not depend on the number of threads.
 *
 * `shards=S`, a power of two that divides batch_size, makes each step of S passes over equal parts of the batch, one
 * after the other, as gradient accumulation does: only one part's values are in memory, and log2 S more sums of
 * gradients. Loss, accuracy and gradient are those of the whole batch, with class weights too. A batch of n samples
 * that S does not divide is split likewise: shard i, from 0 on, has samples floor(i n / S) up to floor((i + 1) n / S),
 * which may be none. Batch norm sees one shard. Each pass starts with the running statistics before the batch, and
 * afterwards they are the mean of what the passes made of them, weighted by samples. Random layers draw for a sample's
 * position in the batch, whatever S. All sums over shards are taken in a binary tree over their numbers, so that the
 * result depends on S but not on how the work is done. S times 16 samples in a batch, or a multiple, are the fastest; 1
 * is the default.
 *
 * `average=ema` averages all tensors, running statistics as well as parameters: it begins with the values after a step, and every
 * further step makes it `ema_decay` times itself and (1 - `ema_decay`) times the values then. `average=swa` gives the mean of the values
 * at the ends of epochs. The first `average_start_epoch` epochs are left out of either. The steps of the training are those of a run without, unless
 * the schedule is reduce_on_plateau with a validation set, which follows the average's loss; but what is evaluated, and so the best epoch, is the average as soon as there is one, it is what is found under the tensors' names in
 * checkpoints, and when all epochs are done the net has become it. The function fn, and the caller of a run that was stopped or failed,
 * find the plain values in the net; the checkpoint has them too, and is resumed with the same options. Every call begins an average of
 * its own.
 *
 * `diagnostics=true` looks for what goes wrong: values, losses and gradients that are not finite, with the first layer and the batch;
 * gradients that explode; dead ReLUs; labels out of range; the same output for all samples; inputs far from normalised. Each
 * diagnostic goes to the log, as a warning with the usual remedy, and can be read with sixnet_model_diagnostic(). It costs time and memory
 * when on, changes no bit of the result, and nothing when off.
 *
 * @param train the samples to learn from
 * @param validation samples to evaluate the net on at the end of every epoch; NULL for none
 * @param options options kind "fit", such as "epochs=20 batch_size=128"
 * @param fn may be NULL
 * @param user handed to fn
 * @return SIXNET_OK; SIXNET_STOPPED if fn or sixnet_model_cancel() asked for it; SIXNET_BAD_SHAPE if the data do not fit the net;
 *        SIXNET_BAD_DATA for a label out of range or a target that bce_with_logits or probabilities cannot have, found before the first step, or
 *        with the batch if a function gives the samples, and for a batch whose classes all have weight 0;
 *        SIXNET_NOT_FINITE if the loss, a gradient, a parameter, a running statistic or the optimizer's state became NaN or
 *        infinite; with checkpoints also what sixnet_checkpoint_save() and sixnet_checkpoint_load() return
 *
 * Threads: changes net and opt; reads train and validation. */
SIXNET_API int32_t sixnet_model_fit(sixnet_model *net, sixnet_optimizer *opt, sixnet_dataset *train,
                                    sixnet_dataset *validation, const char *options, sixnet_progress_fn fn, void *user);

/** The number of epochs that the model's last sixnet_model_fit() completed, those included that a resumed run had done before. The
 * run's history stays until the next one ends. Threads: reads net. */
SIXNET_API int64_t sixnet_model_history_size(const sixnet_model *net);

/** One number of that history; NaN if there is none.
 * @param epoch 1 and up
 * @param key "lr" (of the last step), "loss", "accuracy", "validation_loss" or "validation_accuracy", as in
 *        sixnet_progress_get() at the end of the epoch
 *
 * Threads: reads net. */
SIXNET_API double sixnet_model_history_get(const sixnet_model *net, int64_t epoch, const char *key);

/** What sixnet_model_fit() with diagnostics=true found wrong in the model's last run, whether that succeeded or not.
 * @param index 0 and up, in the order in which they were found; each once for a node, and 64 in all
 * @param field "name" ("input_not_finite", "value_not_finite", "loss_not_finite", "gradient_not_finite", "update_not_finite",
 *        "label_out_of_range", "probabilities_as_scores", "input_too_large", "input_too_small", "exploding_gradient", "dead_relu" or
 *        "constant_output"),
 *        "node" (the name of the layer), "epoch" and "batch" (1 and up; 0 before the first batch), "text" (the line of the log)
 *        or "remedy"
 * @return text valid until the next sixnet_model_fit() for this model; NULL past the last, or if there is no such field
 *
 * Threads: reads net. */
SIXNET_API const char *sixnet_model_diagnostic(const sixnet_model *net, int32_t index, const char *field);

/** Measures a net on a dataset in evaluation mode.
 * @param[out] loss the mean (or, for a loss with reduction=sum, the sum) over all samples; may be NULL
 * @param[out] accuracy from 0 to 1, or NaN; may be NULL. For cross_entropy and nll: the share of samples (or positions) whose largest
 *             output is the target's class, or most probable class. For bce_with_logits: the share of outputs, of all samples, that are
 *             right: above 0 where the target is 1/2 or more, and not above 0 where it is less. Other losses have no accuracy: NaN.
 * @return SIXNET_OK, SIXNET_STOPPED after sixnet_model_cancel() (nothing is written), SIXNET_BAD_DATA for a mean over targets whose classes all
 *         have weight 0, or as sixnet_model_fit() for data that do not fit
 *
 * Threads: changes net; reads ds. */
SIXNET_API int32_t sixnet_model_evaluate(sixnet_model *net, sixnet_dataset *ds, double *loss, double *accuracy);

/** @} */

/** @defgroup files Files
 * A model's file is a safetensors file, which other programs read: the tensors under their names, in the context's dtype, and
 * beside them, as pairs of strings, the net's text ("sixnet.net"), the library's version and a SHA-256 of all bytes
 * ("sixnet.checksum").
 *
 * **Saving** to a path writes a temporary file of the same folder, waits until the disk has it, and renames it: at any moment,
 * even if the process is killed or the machine loses power, the path leads to the old file or to the new one, whole. Programs
 * that have the old file open or mapped keep it as it was. Permissions are kept. A path that leads to a symbolic link, a
 * folder, a pipe or a device is refused.
 *
 * **Loading** trusts nothing: a file that is damaged or made to harm is refused, with the byte and the field at fault in the
 * message. Loading takes, the model that it makes included, less memory than 16 times the file's size and 16 MiB, and time in
 * proportion to n log n of it. `max_bytes`, and the context's `max_memory`, lower that. What the model takes when it runs is another
 * matter, which sixnet_model_memory_needed() tells first.
 * @{ */

/** Takes size bytes, one portion of a file after another. Returns 0, or anything else to end the call with
 * SIXNET_CALLBACK_FAILED. */
typedef int32_t (*sixnet_write_fn)(void *user, const void *data, uint64_t size);

/** Gives up to size bytes of a file, which follow those given before. Returns how many; 0 at the end; a negative number to end
 * the call with SIXNET_CALLBACK_FAILED. */
typedef int64_t (*sixnet_read_fn)(void *user, void *data, uint64_t size);

/** Saves a compiled model.
 * @param options options kind "model_save": `sync=false` does not wait for the disk; may be NULL
 * @return SIXNET_OK, SIXNET_BAD_STATE before compile, or SIXNET_IO_ERROR, after which the path leads to what was there before
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_save(const sixnet_model *net, const char *path, const char *options);

/** Saves a compiled model to memory. The same model gives the same bytes, so a first call with memory NULL asks for the size.
 * @param memory space for the file; NULL to ask only
 * @param capacity the size of memory in bytes
 * @param[out] size how many the file has
 * @return SIXNET_OK, SIXNET_BAD_STATE, or SIXNET_INVALID_ARGUMENT if capacity is too small (size is set, memory undefined)
 *
 * Threads: reads net. */
SIXNET_API int32_t sixnet_model_save_to_buffer(const sixnet_model *net, void *memory, uint64_t capacity,
                                               uint64_t *size);

/** Saves a compiled model through a function of the caller's. Threads: reads net. */
SIXNET_API int32_t sixnet_model_save_to_stream(const sixnet_model *net, sixnet_write_fn fn, void *user);

/** Loads a model, compiled, from a file that sixnet_model_save() or sixnet_checkpoint_save() made. Layers of the caller's must
 * be registered.
 * @param options options kind "model_load"; may be NULL. `max_bytes` refuses larger files; `checksum=false` takes a file whose
 *        checksum is missing or does not fit; `check_values=false` takes values that are NaN or infinite
 * @return SIXNET_OK, SIXNET_IO_ERROR, SIXNET_BAD_FILE, SIXNET_TOO_LARGE, SIXNET_UNSUPPORTED for a file of a later format,
 *        SIXNET_CALLBACK_FAILED from the setup of a layer of the caller's, SIXNET_OUT_OF_MEMORY
 *
 * Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_load(sixnet_model **out, sixnet_context *ctx, const char *path, const char *options);

/** As sixnet_model_load(), from size bytes of memory, which are not needed afterwards. Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_load_from_buffer(sixnet_model **out, sixnet_context *ctx, const void *memory,
                                                 uint64_t size, const char *options);

/** As sixnet_model_load(), through a function of the caller's, which is called until it gives 0 bytes. Threads: reads ctx. */
SIXNET_API int32_t sixnet_model_load_from_stream(sixnet_model **out, sixnet_context *ctx, sixnet_read_fn fn, void *user,
                                                 const char *options);

/** Fills a compiled model with the tensors of any safetensors file, by name, as PyTorch's load_state_dict(). Types F32, F64,
 * F16 and BF16 are converted. BatchNorm's num_batches_tracked and a checkpoint's own tensors are passed over.
 * @param options options kind "model_load_weights"; may be NULL. `strict=false` takes a file that lacks tensors or has others;
 *        a shape that does not fit is always an error. `max_bytes`, `check_values` as in sixnet_model_load(); a checksum is
 *        looked at if there is one
 * @param[out] report what differs, one line for each that there is: "missing: NAME, NAME", "unexpected: …", "mismatch: …"; ""
 *        if nothing. Of very many names the first are listed, and "and N more". It is given after an error too. Borrowed until the next call for this model; may be NULL
 * @return SIXNET_OK, or as sixnet_model_load(), with the model as it was
 *
 * Threads: changes net. */
SIXNET_API int32_t sixnet_model_load_weights(sixnet_model *net, const char *path, const char *options,
                                             const char **report);

/** As sixnet_model_load_weights(), from size bytes of memory. Threads: changes net. */
SIXNET_API int32_t sixnet_model_load_weights_from_buffer(sixnet_model *net, const void *memory, uint64_t size,
                                                         const char *options, const char **report);

/** Saves a training run: the model and, beside it, the optimizer's state and settings, the schedule's, the counters of random
 * numbers, and where the batches are. Gradients are not saved. sixnet_model_fit() does it by itself when asked.
 * @param opt the model's
 * @param batches may be NULL
 * @param options as in sixnet_model_save()
 *
 * Threads: reads net, opt and batches. */
SIXNET_API int32_t sixnet_checkpoint_save(const sixnet_model *net, const sixnet_optimizer *opt,
                                          const sixnet_batch_iterator *batches, const char *path, const char *options);

/** Takes up a training run: puts model, optimizer and batches into the state that was saved. They must have been made as those
 * were, with the same text of the net, seed, dtype, kind of optimizer and schedule; the optimizer's settings become those of
 * the file.
 * Of a run of sixnet_model_fit() with an average, the net gets the plain values; the average is what sixnet_model_load() gives.
 * @param batches may be NULL; otherwise the next batch is the one that would have come
 * @param options as in sixnet_model_load()
 * @return SIXNET_OK, SIXNET_INVALID_ARGUMENT if the run was made otherwise, or as sixnet_model_load(); after an error all are
 *        as they were
 *
 * Threads: changes net, opt and batches. */
SIXNET_API int32_t sixnet_checkpoint_load(sixnet_model *net, sixnet_optimizer *opt, sixnet_batch_iterator *batches,
                                          const char *path, const char *options);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
