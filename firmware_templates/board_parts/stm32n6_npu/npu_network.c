/* The functions of birdnet_network.h, computed by the NPU. */
#include "birdnet_network.h"

#include "birdnet_kernels.h"
#include "board.h"
#include "npu_buffers.h"
#include "npu_config.h"
#include "npu_runtime.h"
#include "stopwatch.h"
#include "trace.h"
#include "watchdog.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static_assert(NPU_INPUT_BYTES == BIRDNET_INPUT_ELEMENTS, "one int8 for each feature");
static_assert(NPU_OUTPUT_BYTES == BIRDNET_OUTPUT_ELEMENTS, "one int8 for each label");
static_assert(NPU_INPUT_SCALE > 0.99999f * BIRDNET_INPUT_SCALE &&
                  NPU_INPUT_SCALE < 1.00001f * BIRDNET_INPUT_SCALE &&
                  NPU_INPUT_ZERO_POINT == BIRDNET_INPUT_ZERO_POINT,
              "the stored windows are quantized for another network");
static_assert(NPU_OUTPUT_SCALE > 0.99999f * BIRDNET_OUTPUT_SCALE &&
                  NPU_OUTPUT_SCALE < 1.00001f * BIRDNET_OUTPUT_SCALE &&
                  NPU_OUTPUT_ZERO_POINT == BIRDNET_OUTPUT_ZERO_POINT,
              "the stored outputs are those of another network");

static const birdnet_affine_t input_scale = {
    .elements = BIRDNET_INPUT_ELEMENTS,
    .scale = NPU_INPUT_SCALE,
    .zero_point = NPU_INPUT_ZERO_POINT,
};

static const birdnet_affine_t output_scale = {
    .elements = BIRDNET_OUTPUT_ELEMENTS,
    .scale = NPU_OUTPUT_SCALE,
    .zero_point = NPU_OUTPUT_ZERO_POINT,
};

/* There is one NPU. */
static npu_buffer_t input;
static npu_buffer_t output;
static birdnet_status_t state = BIRDNET_ERROR_ARGUMENT;

birdnet_status_t birdnet_network_init(birdnet_network_t *network, void *arena, size_t arena_bytes) {
    (void)arena_bytes; /* the compiler placed all activations */
    if (network == NULL || arena == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    network->arena = arena;
    state = npu_runtime_init();
    if (state != BIRDNET_OK) {
        return state;
    }
    input = npu_runtime_input();
    output = npu_runtime_output();
    if (input.data == NULL || input.bytes != NPU_INPUT_BYTES || output.data == NULL ||
        output.bytes != NPU_OUTPUT_BYTES) {
        state = BIRDNET_ERROR_MEMORY;
    }
    return state;
}

int8_t *birdnet_network_input(const birdnet_network_t *network) {
    return network == NULL ? NULL : input.data;
}

uint32_t birdnet_network_input_place(uint32_t element) {
    return element;
}

birdnet_status_t birdnet_network_set_input(const birdnet_network_t *network, const int8_t *values) {
    if (network == NULL || input.data == NULL || values == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    memcpy(input.data, values, BIRDNET_INPUT_ELEMENTS);
    return BIRDNET_OK;
}

birdnet_status_t birdnet_network_get_input(const birdnet_network_t *network, int8_t *values) {
    if (network == NULL || input.data == NULL || values == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    memcpy(values, input.data, BIRDNET_INPUT_ELEMENTS);
    return BIRDNET_OK;
}

const int8_t *birdnet_network_output(const birdnet_network_t *network) {
    return network == NULL ? NULL : output.data;
}

birdnet_status_t birdnet_network_quantize(const birdnet_network_t *network, const float *features) {
    return network == NULL ? BIRDNET_ERROR_ARGUMENT
                           : birdnet_quantize(&input_scale, features, input.data);
}

birdnet_status_t birdnet_network_dequantize(const birdnet_network_t *network, float *scores) {
    return network == NULL ? BIRDNET_ERROR_ARGUMENT
                           : birdnet_dequantize(&output_scale, output.data, scores);
}

static uint32_t now_ms(void) {
    return stopwatch_ms(BOARD_CPU_HZ / 1000u);
}

/* All blocks together get the time-out, so that one block, a whole blob of the epoch controller,
 * has no more. What never returns from a step, the watchdog ends: it is fed once. */
static birdnet_status_t run(void) {
    const uint32_t begin_ms = now_ms();
    watchdog_feed();
    for (;;) {
        switch (npu_runtime_step()) {
        case NPU_DONE:
            return BIRDNET_OK;
        case NPU_FAILED:
            return BIRDNET_ERROR_DEVICE;
        case NPU_ADVANCED:
            trace_next();
            break;
        case NPU_RUNNING:
            break;
        }
        if (now_ms() - begin_ms > NPU_TIMEOUT_MS) {
            return BIRDNET_ERROR_TIMEOUT;
        }
    }
}

/* After an error nobody knows what the NPU still does, so every later call fails with the same. */
birdnet_status_t birdnet_network_invoke(const birdnet_network_t *network) {
    if (network == NULL || state != BIRDNET_OK) {
        return network == NULL ? BIRDNET_ERROR_ARGUMENT : state;
    }
    npu_hand_over(input.data, input.bytes);
    npu_hand_over(output.data, output.bytes);
    npu_hand_over_blobs();
    trace_begin();
    state = run();
    trace_end();
    if (state == BIRDNET_OK) {
        npu_take_back(output.data, output.bytes);
        npu_take_back(input.data, input.bytes); /* before the next one is written there */
        state = npu_runtime_finish();
    }
    if (state != BIRDNET_OK) {
        board_diagnose();
    }
    return state;
}

birdnet_status_t birdnet_network_run(const birdnet_network_t *network, const float *features,
                                     float *scores) {
    birdnet_status_t status = birdnet_network_quantize(network, features);
    if (status == BIRDNET_OK) {
        status = birdnet_network_invoke(network);
    }
    if (status == BIRDNET_OK) {
        status = birdnet_network_dequantize(network, scores);
    }
    return status;
}
