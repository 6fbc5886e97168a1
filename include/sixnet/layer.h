/* SPDX-License-Identifier: MIT */
#ifndef SIXNET_LAYER_H
#define SIXNET_LAYER_H

/** @file
 * Custom layers: three callbacks and a name. Once registered with a context, the name works in sixnet_model_add() and
 * in net texts like that of a built-in layer. The rules of sixnet.h apply. By its rule for callbacks, the three
 * functions may use other models, datasets and predictors, but not the model, optimizer, predictor or batch iterator of
 * the running call, and must not register layers with its context: such calls fail with SIXNET_BAD_STATE.
 */

#include "sixnet.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @defgroup layers Custom layers
 * @{ */

/** Argument of a layer's setup function; valid during the call only. */
typedef struct sixnet_layer_setup sixnet_layer_setup;

/** Argument of a layer's forward and backward functions; valid during the call only. */
typedef struct sixnet_layer_call sixnet_layer_call;

/** Sets the shape of the outputs and adds parameters, with the functions below. Called when a node is added. Returns 0,
 * or the status of sixnet_layer_setup_fail() to reject the inputs. */
typedef int32_t (*sixnet_layer_setup_fn)(void *user, sixnet_layer_setup *setup);

/** Computes outputs from inputs (forward), or gradients of inputs and parameters from gradients of outputs (backward),
 * for all samples of a call. Called in the thread that called the model. Calls for one model are never concurrent,
 * except that each predictor (sixnet_predictor_new()) calls in its own thread. Returns 0; any other value aborts the
 * running call with SIXNET_CALLBACK_FAILED. */
typedef int32_t (*sixnet_layer_compute_fn)(void *user, sixnet_layer_call *call);

/** Registers a custom layer with a context. Do not call while another thread uses the context.
 * @param name letters, digits and underscores
 * @param attributes names and defaults of the layer's attributes, all numbers, such as "beta=1 order=2"; NULL for none
 * @param dtype element type of the values that the functions see, "f32" or "f64", independent of the context's
 * @param setup NULL for a layer without parameters whose output has the shape of its first input
 * @param forward writes the outputs
 * @param backward writes the gradients of the inputs, adds to those of the parameters; NULL if the layer is used for
 *         inference only
 * @param user passed to all three; must stay valid as long as the context
 * @return SIXNET_OK, SIXNET_BAD_SPEC, SIXNET_INVALID_ARGUMENT if the name is taken, SIXNET_OUT_OF_MEMORY
 *
 * Threads: changes ctx. */
SIXNET_API int32_t sixnet_context_register_layer(sixnet_context *ctx, const char *name, const char *attributes,
                                                 const char *dtype, sixnet_layer_setup_fn setup,
                                                 sixnet_layer_compute_fn forward, sixnet_layer_compute_fn backward,
                                                 void *user);

/** Returns the number of inputs of the node. Threads: reads setup. */
SIXNET_API int32_t sixnet_layer_setup_input_count(const sixnet_layer_setup *setup);

/** Returns the per-sample shape of an input.
 * @param[out] dims 8 elements
 * @param[out] rank number of dimensions written
 * @return SIXNET_OK or SIXNET_INVALID_ARGUMENT if index is out of range
 *
 * Threads: reads setup. */
SIXNET_API int32_t sixnet_layer_setup_input_shape(const sixnet_layer_setup *setup, int32_t index, int64_t *dims,
                                                  int32_t *rank);

/** Returns the value of an attribute; NaN if there is none with this name. Threads: reads setup. */
SIXNET_API double sixnet_layer_setup_attribute(const sixnet_layer_setup *setup, const char *name);

/** Sets the per-sample shape of the output. The default is the shape of the first input.
 * @return SIXNET_OK, or an error to be returned from the setup function
 *
 * Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_set_output_shape(sixnet_layer_setup *setup, const int64_t *dims, int32_t rank);

/** Adds an output after the first, which is called "output"; at most 63. A net's text refers to it as `from=NODE:NAME`,
 * C code by sixnet_node_output().
 * @return SIXNET_OK, or an error to be returned from the setup function
 *
 * Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_add_output(sixnet_layer_setup *setup, const char *name, const int64_t *dims,
                                                 int32_t rank);

/** Adds a parameter. Parameters are numbered from 0 in the order of these calls (see sixnet_layer_call_parameter()).
 * @param name the tensor is named NODE.NAME
 * @param low,high range of the initial values, drawn uniformly; low = high gives a constant
 * @return SIXNET_OK, or an error to be returned from the setup function
 *
 * Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_add_parameter(sixnet_layer_setup *setup, const char *name, const int64_t *dims,
                                                    int32_t rank, double low, double high);

/** Rejects the node with a message, which becomes the error of sixnet_model_add(). Returns the status to be returned
 * from the setup function. Threads: changes setup. */
SIXNET_API int32_t sixnet_layer_setup_fail(sixnet_layer_setup *setup, const char *message);

/** Returns the number of samples of this call. Threads: reads call. */
SIXNET_API int64_t sixnet_layer_call_sample_count(const sixnet_layer_call *call);

/** Returns 1 in a training pass, 0 in evaluation. Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_is_training(const sixnet_layer_call *call);

/** Returns the value of an attribute; NaN if there is none with this name. Threads: reads call. */
SIXNET_API double sixnet_layer_call_attribute(const sixnet_layer_call *call, const char *name);

/** Returns the per-sample shape of an input.
 * @param[out] dims 8 elements
 * @param[out] rank number of dimensions written
 * @return SIXNET_OK or SIXNET_INVALID_ARGUMENT if index is out of range
 *
 * Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_input_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims,
                                                 int32_t *rank);

/** Returns the per-sample shape of an output, like sixnet_layer_call_input_shape(). Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_output_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims,
                                                  int32_t *rank);

/** Returns the shape of a parameter, like sixnet_layer_call_input_shape(). Threads: reads call. */
SIXNET_API int32_t sixnet_layer_call_parameter_shape(const sixnet_layer_call *call, int32_t index, int64_t *dims,
                                                     int32_t *rank);

/** Returns the values of an input, [samples][input shape], in the registered dtype; NULL if index is out of range, here
 * and in the functions below. Threads: reads call. */
SIXNET_API const void *sixnet_layer_call_input(const sixnet_layer_call *call, int32_t index);

/** Returns the values of an output, [samples][output shape]: written by forward, read by backward. Threads: changes
 * call. */
SIXNET_API void *sixnet_layer_call_output(sixnet_layer_call *call, int32_t index);

/** Returns the values of a parameter. Threads: reads call. */
SIXNET_API const void *sixnet_layer_call_parameter(const sixnet_layer_call *call, int32_t index);

/** Backward: returns the gradient of an output, [samples][output shape]; zero for an unused output. Threads: reads call.
 */
SIXNET_API const void *sixnet_layer_call_output_gradient(const sixnet_layer_call *call, int32_t index);

/** Backward: returns the gradient of an input, [samples][input shape], to be written. Threads: changes call. */
SIXNET_API void *sixnet_layer_call_input_gradient(sixnet_layer_call *call, int32_t index);

/** Backward: returns the gradient of a parameter, initially zero, to be added to. Threads: changes call. */
SIXNET_API void *sixnet_layer_call_parameter_gradient(sixnet_layer_call *call, int32_t index);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
