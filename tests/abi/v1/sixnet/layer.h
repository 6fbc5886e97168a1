/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_LAYER_H
#define SIXNET_LAYER_H

/** @file
 * Layers of your own: three functions and a name. Once registered with a context, the name works in sixnet_model_add() and in
 * net texts like that of any other layer. The rules of sixnet.h hold here too. By its rule for callbacks, the three functions
 * may use other models, datasets and predictors, but not the model, optimizer, predictor or batches of the call that runs them, and
 * register no layers with its context: such calls are SIXNET_BAD_STATE.
 */

#include "sixnet.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @defgroup layers Layers of your own
 * @{ */

/** What a layer's setup function is given: valid during the call only. */
typedef struct sixnet_layer_setup sixnet_layer_setup;

/** What a layer's forward and backward functions are given: valid during the call only. */
typedef struct sixnet_layer_call sixnet_layer_call;

/** Decides the output's shape and asks for parameters, with the functions below. Called when a node is added.
 * Returns 0, or anything else to refuse the inputs (the message comes from sixnet_layer_setup_fail()). */
typedef int32_t (*sixnet_layer_setup_fn)(void *user, sixnet_layer_setup *setup);

/** Computes outputs from inputs, or gradients from gradients, for all samples of a call. Called in the thread that made
 * the call on the model, never in two threads for one model unless it has predictors (sixnet_predictor_new()): then once for
 * each of them at the same time. Returns 0, or anything else to end the call with
 * SIXNET_CALLBACK_FAILED. */
typedef int32_t (*sixnet_layer_compute_fn)(void *user, sixnet_layer_call *call);

/** Makes a layer known to a context. Not to be called while another thread uses the context.
 * @param name letters, digits and underscores; SIXNET_INVALID_ARGUMENT if it is taken
 * @param attributes the names of the layer's attributes, all numbers, each with its default, such as "beta=1 order=2"; NULL for
 *        none
 * @param dtype the type of the values that the functions see, "f32" or "f64", whatever the context's
 * @param setup NULL for a layer of one or more inputs whose output has the shape of the first, without parameters
 * @param forward writes the outputs
 * @param backward writes the gradients by inputs, adds to those by parameters; NULL if the layer is only used to predict
 * @param user handed to all three; must stay valid as long as the context
 *
 * Threads: changes ctx. */
SIXNET_API int32_t sixnet_context_register_layer(sixnet_context *ctx, const char *name, const char *attributes,
                                                 const char *dtype, sixnet_layer_setup_fn setup,
                                                 sixnet_layer_compute_fn forward, sixnet_layer_compute_fn backward,
                                                 void *user);

/** The number of inputs of the node. Threads: reads setup. */
SIXNET_API int32_t sixnet_layer_setup_input_count(const sixnet_layer_setup *setup);

/** The shape of an input for one sample.
 * @param[out] dims space for 8 numbers
 * @param[out] rank how many were written
 *
 * Threads: reads setup. */
SIXNET_API int32_t sixnet_layer_setup_input_shape(const sixnet_layer_setup *setup, int32_t index, int64_t *dims,
                                                  int32_t *rank);

/** The value of an attribute; NaN if there is none of that name. Threads: reads setup. */
SIXNET_API double sixnet_layer_setup_attribute(const sixnet_layer_setup *setup, const char *name);

/** Sets the shape of the output for one sample; without it the output has the shape of the first input.
 * Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_set_output_shape(sixnet_layer_setup *setup, const int64_t *dims, int32_t rank);

/** Adds another output after the first, which is called "output". In a net's text `from=NODE:NAME` takes it, in C
 * sixnet_node_output(). Up to 63.
 *
 * Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_add_output(sixnet_layer_setup *setup, const char *name, const int64_t *dims,
                                                 int32_t rank);

/** Asks for a parameter, whose initial values are drawn evenly from low to high (low = high for a constant). The first has index
 * 0 in sixnet_layer_call_parameter().
 * @param name what follows the node's name and a point in the tensor's name
 *
 * Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_add_parameter(sixnet_layer_setup *setup, const char *name, const int64_t *dims,
                                                    int32_t rank, double low, double high);

/** Refuses the node: the message becomes that of the failing sixnet_model_add(). Returns a status to be returned.
 * Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_fail(sixnet_layer_setup *setup, const char *message);

/** The number of samples of this call. Threads: reads call. */
SIXNET_API int64_t sixnet_layer_call_sample_count(const sixnet_layer_call *call);

/** 1 in a training pass, 0 in evaluation. Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_is_training(const sixnet_layer_call *call);

/** The value of an attribute; NaN if there is none of that name. Threads: reads call. */
SIXNET_API double sixnet_layer_call_attribute(const sixnet_layer_call *call, const char *name);

/** The shape of an input for one sample.
 * @param[out] dims space for 8 numbers
 * @param[out] rank how many were written
 *
 * Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_input_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims,
                                                 int32_t *rank);

/** The shape of an output for one sample; as sixnet_layer_call_input_shape(). Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_output_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims,
                                                  int32_t *rank);

/** The shape of a parameter; as sixnet_layer_call_input_shape(). Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_parameter_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims,
                                                     int32_t *rank);

/** The samples of an input, one after another, in the registered dtype; NULL for an index out of range, here and below.
 * Threads: reads call. */
SIXNET_API const void *sixnet_layer_call_input(const sixnet_layer_call *call, int32_t index);

/** The values of an output: to be written by forward, to be read by backward. Threads: changes call. */
SIXNET_API void *sixnet_layer_call_output(sixnet_layer_call *call, int32_t index);

/** The values of a parameter. Threads: reads call. */
SIXNET_API const void *sixnet_layer_call_parameter(const sixnet_layer_call *call, int32_t index);

/** In backward, the gradient by an output; zero for one that nothing uses. Threads: reads call. */
SIXNET_API const void *sixnet_layer_call_output_gradient(const sixnet_layer_call *call, int32_t index);

/** In backward, the gradient by an input, to be written. Threads: changes call. */
SIXNET_API void *sixnet_layer_call_input_gradient(sixnet_layer_call *call, int32_t index);

/** In backward, the gradient by a parameter, zero at first, to be added to. Threads: changes call. */
SIXNET_API void *sixnet_layer_call_parameter_gradient(sixnet_layer_call *call, int32_t index);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
