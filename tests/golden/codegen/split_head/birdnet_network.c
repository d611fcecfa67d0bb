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
     * [1, 3], layer_4 to layer_5 */
    T9 = 16,
    /* the classes
     * [1, 9], layer_5 to layer_5 */
    T15 = 0,
};

static_assert(T1 + 35u <= BIRDNET_ARENA_BYTES, "tensor 1");
static_assert(T4 + 36u <= BIRDNET_ARENA_BYTES, "tensor 4");
static_assert(T8 + 36u <= BIRDNET_ARENA_BYTES, "tensor 8");
static_assert(T9 + 3u <= BIRDNET_ARENA_BYTES, "tensor 9");
static_assert(T15 + 9u <= BIRDNET_ARENA_BYTES, "tensor 15");
static_assert(BIRDNET_INPUT_ELEMENTS == 1 * 5 * 7 * 1, "input");
static_assert(BIRDNET_OUTPUT_ELEMENTS == 1 * 9, "output");

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

/* The arena has room for BIRDNET_OUTPUT_ELEMENTS classes. */
const birdnet_head_expectation_t birdnet_head_expectation = {
    /* clang-format off */
    .backbone = {
            0xF2, 0x74, 0x65, 0x4D, 0x89, 0xF3, 0xDC, 0xC3, 0x5C, 0xE0, 0xCB, 0x31, 0xD7, 0x5C, 0x71, 0x0F,
            0x52, 0x00, 0x64, 0x3B, 0x7E, 0x97, 0xD9, 0x1E, 0xE2, 0x2D, 0xAC, 0x3D, 0x09, 0x2F, 0xDD, 0x4D,
    },
    /* clang-format on */
    .channels = BIRDNET_BACKBONE_ELEMENTS,
    .input_scale = 0.02f,
    .input_zero_point = -128,
    .max_classes = BIRDNET_OUTPUT_ELEMENTS,
    .section_bytes = BIRDNET_HEAD_SECTION_BYTES,
};

birdnet_status_t birdnet_network_init(birdnet_network_t *network, void *arena, size_t arena_bytes) {
    if (network == NULL || arena == NULL || (uintptr_t)arena % BIRDNET_ARENA_ALIGNMENT != 0) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (arena_bytes < BIRDNET_ARENA_BYTES) {
        return BIRDNET_ERROR_MEMORY;
    }
    network->arena = arena;
    network->head = (birdnet_head_t){.classes = 0u};
    return BIRDNET_OK;
}

birdnet_head_status_t birdnet_network_use_head(birdnet_network_t *network, const void *section,
                                               size_t section_bytes) {
    return birdnet_head_open(&network->head, &birdnet_head_expectation, section, section_bytes);
}

const int8_t *birdnet_network_backbone_output(const birdnet_network_t *network) {
    return network == NULL || network->arena == NULL ? NULL : &network->arena[T9];
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
    return network == NULL || network->arena == NULL ? NULL : &network->arena[T15];
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
    return birdnet_dequantize(&network->head.output, birdnet_network_output(network), output);
}

birdnet_status_t birdnet_network_invoke(const birdnet_network_t *network) {
    if (network == NULL || network->arena == NULL || network->head.classes == 0u) {
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
    status = birdnet_head_run(&network->head, &arena[T9], &arena[T15]);
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
