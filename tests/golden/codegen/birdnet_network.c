/* Generated: the layers in order of execution. */
#include "birdnet_network.h"

#include "birdnet_weights.h"
#include "runtime/birdnet_kernels.h"

#include <assert.h>

const char birdnet_one_network_in_a_program[] = BIRDNET_NETWORK_DIGEST;

/* Offsets of the activations in the arena. Those that are never needed together share memory. */
enum {
    /* quantized features
     * [1, 5, 7, 1], layer_1 to layer_1 */
    T1 = 32,
    /* stem/Relu6
     * [1, 3, 4, 3], layer_1 to layer_2 */
    T4 = 0,
    /* odd "name" * / / in ?mlaut
     * [1, 3, 4, 3], layer_2 to layer_4 */
    T8 = 48,
    /* mean
     * [1, 3], layer_4 to layer_6 */
    T9 = 16,
    /* logits
     * [1, 4], layer_5 to layer_6 */
    T12 = 0,
    /* scores
     * [1, 4], layer_6 to layer_6 */
    T13 = 0,
};

static_assert(T1 + 35u <= BIRDNET_ARENA_BYTES, "tensor 1");
static_assert(T4 + 36u <= BIRDNET_ARENA_BYTES, "tensor 4");
static_assert(T8 + 36u <= BIRDNET_ARENA_BYTES, "tensor 8");
static_assert(T9 + 3u <= BIRDNET_ARENA_BYTES, "tensor 9");
static_assert(T12 + 4u <= BIRDNET_ARENA_BYTES, "tensor 12");
static_assert(T13 + 4u <= BIRDNET_ARENA_BYTES, "tensor 13");
static_assert(BIRDNET_INPUT_ELEMENTS == 1 * 5 * 7 * 1, "input");
static_assert(BIRDNET_OUTPUT_ELEMENTS == 1 * 4, "output");

/* 1 CONV_2D stem/Relu6
 * [1, 5, 7, 1] -> [1, 3, 4, 3], 324 multiply-accumulates */
static_assert(sizeof birdnet_layer_1_weights == 64, "weights");
static_assert(sizeof birdnet_layer_1_bias == 16, "bias");
static_assert(sizeof birdnet_layer_1_multipliers == 16, "multipliers");
static_assert(sizeof birdnet_layer_1_shifts == 4, "shifts");
static const birdnet_conv2d_t layer_1 = {
    .input = {.height = 5, .width = 7, .channels = 1},
    .output = {.height = 3, .width = 4, .channels = 3},
    .window =
        {
            .height = 3,
            .width = 3,
            .stride_height = 2,
            .stride_width = 2,
            .pad_top = 1,
            .pad_left = 1,
        },
    .input_zero_point = -128,
    .result = {.zero_point = -128, .minimum = -128, .maximum = 127},
    .weights = birdnet_layer_1_weights,
    .bias = birdnet_layer_1_bias,
    .multipliers = birdnet_layer_1_multipliers,
    .shifts = birdnet_layer_1_shifts,
};

/* 2 CONV_2D and 3 ADD odd "name" * / / in ?mlaut
 * [1, 3, 4, 3], [1, 3, 4, 3] -> [1, 3, 4, 3], 108 multiply-accumulates */
static_assert(sizeof birdnet_layer_2_weights == 12, "weights");
static_assert(sizeof birdnet_layer_2_bias == 16, "bias");
static_assert(sizeof birdnet_layer_2_multipliers == 16, "multipliers");
static_assert(sizeof birdnet_layer_2_shifts == 4, "shifts");
static const birdnet_pointwise_conv2d_add_t layer_2 = {
    .pixels = 12,
    .input_channels = 3,
    .output_channels = 3,
    .result = {.zero_point = 4, .minimum = -128, .maximum = 127},
    .weights = birdnet_layer_2_weights,
    .bias = birdnet_layer_2_bias,
    .multipliers = birdnet_layer_2_multipliers,
    .shifts = birdnet_layer_2_shifts,
    .other_zero_point = -128,
    .own_scale = {.multiplier = 1073741824, .shift = 0},
    .other_scale = {.multiplier = 2018634530, .shift = -2},
    .sum_scale = {.multiplier = 1142278592, .shift = -17},
    .sum = {.zero_point = -128, .minimum = -128, .maximum = 127},
};

/* 4 MEAN mean
 * [1, 3, 4, 3] -> [1, 3] */
static const birdnet_mean_t layer_4 = {
    .outer = 1,
    .reduced = 12,
    .inner = 3,
    .offset = 1536,
    .scale = {.multiplier = 841097752, .shift = -2},
    .result = {.zero_point = -128, .minimum = -128, .maximum = 127},
};

/* 5 FULLY_CONNECTED logits
 * [1, 3] -> [1, 4], 12 multiply-accumulates */
static_assert(sizeof birdnet_layer_5_weights == 12, "weights");
static_assert(sizeof birdnet_layer_5_bias == 16, "bias");
static_assert(sizeof birdnet_layer_5_scales == 32, "scales");
static const birdnet_fully_connected_t layer_5 = {
    .rows = 1,
    .input_channels = 3,
    .output_channels = 4,
    .result = {.zero_point = 3, .minimum = -128, .maximum = 127},
    .weights = birdnet_layer_5_weights,
    .bias = birdnet_layer_5_bias,
    .scales = birdnet_layer_5_scales,
};

/* 6 LOGISTIC scores
 * [1, 4] -> [1, 4] */
static_assert(sizeof birdnet_layer_6_table == 256, "table");
static const birdnet_lookup_t layer_6 = {
    .elements = 4,
    .table = birdnet_layer_6_table,
};

uint32_t birdnet_network_input_place(uint32_t element) {
    return element;
}

int8_t *birdnet_network_input(const birdnet_network_t *network) {
    return network == NULL || network->arena == NULL ? NULL : &network->arena[T1];
}

static const birdnet_affine_t input_scale = {
    .elements = BIRDNET_INPUT_ELEMENTS,
    .scale = BIRDNET_INPUT_SCALE,
    .zero_point = BIRDNET_INPUT_ZERO_POINT,
};

static const birdnet_affine_t output_scale = {
    .elements = BIRDNET_OUTPUT_ELEMENTS,
    .scale = BIRDNET_OUTPUT_SCALE,
    .zero_point = BIRDNET_OUTPUT_ZERO_POINT,
};

birdnet_status_t birdnet_network_init(birdnet_network_t *network, void *arena, size_t arena_bytes) {
    if (network == NULL || arena == NULL || (uintptr_t)arena % BIRDNET_ARENA_ALIGNMENT != 0) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (arena_bytes < BIRDNET_ARENA_BYTES) {
        return BIRDNET_ERROR_MEMORY;
    }
    network->arena = arena;
    return BIRDNET_OK;
}

birdnet_status_t birdnet_network_set_input(const birdnet_network_t *network, const int8_t *input) {
    if (network == NULL || network->arena == NULL || input == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    int8_t *const stored = birdnet_network_input(network);
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        stored[birdnet_network_input_place(i)] = input[i];
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_network_get_input(const birdnet_network_t *network, int8_t *input) {
    if (network == NULL || network->arena == NULL || input == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int8_t *const stored = birdnet_network_input(network);
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        input[i] = stored[birdnet_network_input_place(i)];
    }
    return BIRDNET_OK;
}

const int8_t *birdnet_network_embedding(const birdnet_network_t *network) {
    return network == NULL || network->arena == NULL ? NULL : &network->arena[T9];
}

const int8_t *birdnet_network_output(const birdnet_network_t *network) {
    return network == NULL || network->arena == NULL ? NULL : &network->arena[T13];
}

birdnet_status_t birdnet_network_quantize(const birdnet_network_t *network, const float *input) {
    if (network == NULL || network->arena == NULL || input == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    return birdnet_quantize(&input_scale, input, birdnet_network_input(network));
}

birdnet_status_t birdnet_network_dequantize(const birdnet_network_t *network, float *output) {
    if (network == NULL || network->arena == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    return birdnet_dequantize(&output_scale, birdnet_network_output(network), output);
}

birdnet_status_t birdnet_network_invoke(const birdnet_network_t *network) {
    if (network == NULL || network->arena == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    int8_t *const arena = network->arena;
    birdnet_status_t status = BIRDNET_OK;
    status = birdnet_conv2d(&layer_1, &arena[T1], &arena[T4]);
    if (status != BIRDNET_OK) {
        return status;
    }
    status = birdnet_pointwise_conv2d_add(&layer_2, &arena[T4], &arena[T4], &arena[T8]);
    if (status != BIRDNET_OK) {
        return status;
    }
    status = birdnet_mean(&layer_4, &arena[T8], &arena[T9]);
    if (status != BIRDNET_OK) {
        return status;
    }
    status = birdnet_fully_connected(&layer_5, &arena[T9], &arena[T12]);
    if (status != BIRDNET_OK) {
        return status;
    }
    status = birdnet_lookup(&layer_6, &arena[T12], &arena[T13]);
    return status;
}

birdnet_status_t birdnet_network_run(const birdnet_network_t *network, const float *input,
                                     float *output) {
    birdnet_status_t status = birdnet_network_quantize(network, input);
    if (status == BIRDNET_OK) {
        status = birdnet_network_invoke(network);
    }
    if (status == BIRDNET_OK) {
        status = birdnet_network_dequantize(network, output);
    }
    return status;
}
