#include "cmsis_nn_layers.h"

#include "birdnet_broadcast.h"
#include "peer.h"

#define SCRATCH_BYTES (256 << 10)
#define ADD_SHIFT 20 /* of the reference */

static int8_t scratch[SCRATCH_BYTES] __attribute__((section(".birdnet_buffers"), aligned(16)));
static int32_t scratch_used;

uint32_t peer_scratch_bytes(void) {
    return (uint32_t)scratch_used;
}

/* What does not fit fails: CMSIS-NN refuses a null buffer. */
static cmsis_nn_context context(int32_t bytes) {
    scratch_used = bytes > scratch_used ? bytes : scratch_used;
    return (cmsis_nn_context){.buf = bytes <= SCRATCH_BYTES ? scratch : NULL, .size = bytes};
}

static birdnet_status_t status_of(arm_cmsis_nn_status status) {
    return status == ARM_CMSIS_NN_SUCCESS ? BIRDNET_OK : BIRDNET_ERROR_ARGUMENT;
}

static cmsis_nn_dims channels(int32_t count) {
    return (cmsis_nn_dims){.n = 1, .h = 1, .w = 1, .c = count};
}

birdnet_status_t cmsis_convolve(const cmsis_convolution_t *layer, const int8_t *input,
                                int8_t *output) {
    const cmsis_nn_conv_params parameters = {
        .input_offset = layer->input_offset,
        .output_offset = layer->output_offset,
        .stride = layer->stride,
        .padding = layer->padding,
        .dilation = {.w = 1, .h = 1},
        .activation = layer->activation,
    };
    const cmsis_nn_context ctx = context(arm_convolve_wrapper_s8_get_buffer_size(
        &parameters, &layer->input, &layer->filter, &layer->output));
    const cmsis_nn_per_channel_quant_params scales = {(int32_t *)layer->multipliers,
                                                      (int32_t *)layer->shifts};
    const cmsis_nn_dims bias = channels(layer->output.c);
    return status_of(arm_convolve_wrapper_s8(&ctx, &parameters, &scales, &layer->input, input,
                                             &layer->filter, layer->weights, &bias, layer->bias,
                                             &layer->output, output));
}

birdnet_status_t cmsis_depthwise(const cmsis_convolution_t *layer, const int8_t *input,
                                 int8_t *output) {
    const cmsis_nn_dw_conv_params parameters = {
        .input_offset = layer->input_offset,
        .output_offset = layer->output_offset,
        .ch_mult = layer->output.c / layer->input.c,
        .stride = layer->stride,
        .padding = layer->padding,
        .dilation = {.w = 1, .h = 1},
        .activation = layer->activation,
    };
    const cmsis_nn_context ctx = context(arm_depthwise_conv_wrapper_s8_get_buffer_size(
        &parameters, &layer->input, &layer->filter, &layer->output));
    const cmsis_nn_per_channel_quant_params scales = {(int32_t *)layer->multipliers,
                                                      (int32_t *)layer->shifts};
    const cmsis_nn_dims bias = channels(layer->output.c);
    return status_of(arm_depthwise_conv_wrapper_s8(&ctx, &parameters, &scales, &layer->input, input,
                                                   &layer->filter, layer->weights, &bias,
                                                   layer->bias, &layer->output, output));
}

birdnet_status_t cmsis_fully_connected(const cmsis_fully_connected_t *layer, const int8_t *input,
                                       int8_t *output) {
    const cmsis_nn_fc_params parameters = {
        .input_offset = layer->input_offset,
        .output_offset = layer->output_offset,
        .activation = layer->activation,
    };
    const cmsis_nn_quant_params scales = {(int32_t *)layer->multipliers, (int32_t *)layer->shifts,
                                          layer->is_per_channel};
    const cmsis_nn_dims source = {.n = layer->rows, .h = 1, .w = 1, .c = layer->inputs};
    const cmsis_nn_dims filter = {.n = layer->inputs, .h = 1, .w = 1, .c = layer->outputs};
    const cmsis_nn_dims target = {.n = layer->rows, .h = 1, .w = 1, .c = layer->outputs};
    const cmsis_nn_dims bias = channels(layer->outputs);
    const cmsis_nn_context ctx = {.buf = (int32_t *)layer->sums,
                                  .size = arm_fully_connected_s8_get_buffer_size(&filter)};
    return status_of(arm_fully_connected_wrapper_s8(&ctx, &parameters, &scales, &source, input,
                                                    &filter, layer->weights, &bias, layer->bias,
                                                    &target, output));
}

static cmsis_nn_pool_params pool_parameters(const birdnet_pool_t *layer) {
    return (cmsis_nn_pool_params){
        .stride = {.w = layer->window.stride_width, .h = layer->window.stride_height},
        .padding = {.w = layer->window.pad_left, .h = layer->window.pad_top},
        .activation = {.min = layer->minimum, .max = layer->maximum},
    };
}

static cmsis_nn_dims dims(const birdnet_shape_t *shape) {
    return (cmsis_nn_dims){.n = 1, .h = shape->height, .w = shape->width, .c = shape->channels};
}

birdnet_status_t cmsis_average_pool(const birdnet_pool_t *layer, const int8_t *input,
                                    int8_t *output) {
    const cmsis_nn_context ctx =
        context(arm_avgpool_s8_get_buffer_size(layer->output.width, layer->input.channels));
    const cmsis_nn_pool_params parameters = pool_parameters(layer);
    const cmsis_nn_dims source = dims(&layer->input);
    const cmsis_nn_dims target = dims(&layer->output);
    const cmsis_nn_dims filter = {
        .n = 1, .h = layer->window.height, .w = layer->window.width, .c = 1};
    return status_of(arm_avgpool_s8(&ctx, &parameters, &source, input, &filter, &target, output));
}

birdnet_status_t cmsis_max_pool(const birdnet_pool_t *layer, const int8_t *input, int8_t *output) {
    const cmsis_nn_context ctx = context(0);
    const cmsis_nn_pool_params parameters = pool_parameters(layer);
    const cmsis_nn_dims source = dims(&layer->input);
    const cmsis_nn_dims target = dims(&layer->output);
    const cmsis_nn_dims filter = {
        .n = 1, .h = layer->window.height, .w = layer->window.width, .c = 1};
    return status_of(arm_max_pool_s8(&ctx, &parameters, &source, input, &filter, &target, output));
}

birdnet_status_t cmsis_transpose(const cmsis_transpose_t *layer, const int8_t *input,
                                 int8_t *output) {
    const cmsis_nn_transpose_params parameters = {.num_dims = layer->rank,
                                                  .permutations = layer->permutation};
    return status_of(arm_transpose_s8(input, output, &layer->input, &layer->output, &parameters));
}

birdnet_status_t cmsis_concatenate(const cmsis_concatenation_t *layer, const int8_t *input,
                                   int8_t *output) {
    arm_concatenation_s8_x(input, layer->input_x, layer->rows, 1, 1, output, layer->output_x,
                           layer->offset_x);
    return BIRDNET_OK;
}

birdnet_status_t cmsis_pad(const cmsis_pad_t *layer, const int8_t *input, int8_t *output) {
    return status_of(arm_pad_s8(input, output, (int8_t)layer->value, &layer->input, &layer->before,
                                &layer->after));
}

birdnet_status_t cmsis_maximum(const cmsis_extremum_t *layer, const int8_t *first,
                               const int8_t *second, int8_t *output) {
    const cmsis_nn_context ctx = context(0);
    return status_of(
        arm_maximum_s8(&ctx, first, &layer->first, second, &layer->second, output, &layer->output));
}

birdnet_status_t cmsis_minimum(const cmsis_extremum_t *layer, const int8_t *first,
                               const int8_t *second, int8_t *output) {
    const cmsis_nn_context ctx = context(0);
    return status_of(
        arm_minimum_s8(&ctx, first, &layer->first, second, &layer->second, output, &layer->output));
}

birdnet_status_t cmsis_add(const birdnet_add_t *layer, const int8_t *first, const int8_t *second,
                           int8_t *output) {
    const int32_t rows = birdnet_row_count(&layer->shape);
    const int32_t size = layer->shape.sizes[3];
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(&layer->shape, r);
        const arm_cmsis_nn_status status = arm_elementwise_add_s8(
            first + row.first, second + row.second, -layer->first_zero_point,
            layer->first_scale.multiplier, layer->first_scale.shift, -layer->second_zero_point,
            layer->second_scale.multiplier, layer->second_scale.shift, ADD_SHIFT, output + r * size,
            layer->result.zero_point, layer->result_scale.multiplier, layer->result_scale.shift,
            layer->result.minimum, layer->result.maximum, size);
        if (status != ARM_CMSIS_NN_SUCCESS) {
            return BIRDNET_ERROR_ARGUMENT;
        }
    }
    return BIRDNET_OK;
}

birdnet_status_t cmsis_multiply(const birdnet_multiply_t *layer, const int8_t *first,
                                const int8_t *second, int8_t *output) {
    const int32_t rows = birdnet_row_count(&layer->shape);
    const int32_t size = layer->shape.sizes[3];
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(&layer->shape, r);
        const arm_cmsis_nn_status status = arm_elementwise_mul_s8(
            first + row.first, second + row.second, -layer->first_zero_point,
            -layer->second_zero_point, output + r * size, layer->result.zero_point,
            layer->result_scale.multiplier, layer->result_scale.shift, layer->result.minimum,
            layer->result.maximum, size);
        if (status != ARM_CMSIS_NN_SUCCESS) {
            return BIRDNET_ERROR_ARGUMENT;
        }
    }
    return BIRDNET_OK;
}
