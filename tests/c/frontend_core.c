/*
 * On the emulated core: reads windows of PCM (int16) from the file `pcm` and writes to `results`
 * for each what every step of the front end leaves behind, in float32, and the
 * instructions of making that input, in ticks of SysTick. Exits with 3 when the input is not what
 * quantizing the floats gives.
 */
#include "birdnet_frontend_config.h"
#include "birdnet_kernels.h"
#include "console.h"
#include "semihosting.h"

#define BUFFER __attribute__((section(".birdnet_buffers"), aligned(32))) static
#define SYSTICK ((volatile uint32_t *)0xE000E010u) /* control, reload, current value */
#define LARGEST 0xFFFFFFu

BUFFER int16_t pcm[BIRDNET_WINDOW_SAMPLES];
BUFFER double scratch[BIRDNET_FRONTEND_SCRATCH_ELEMENTS];
BUFFER float features[BIRDNET_FEATURE_ELEMENTS];
BUFFER int8_t quantized[BIRDNET_FEATURE_ELEMENTS];
BUFFER int8_t arena[BIRDNET_ARENA_BYTES];

void console_write(const char *text, size_t length) {
    (void)text;
    (void)length;
}

static const birdnet_network_t network = {.arena = arena};

static birdnet_status_t write_floats(int32_t output) {
    birdnet_status_t status = BIRDNET_OK;
    for (uint32_t step = 0; status == BIRDNET_OK && step < BIRDNET_FRONTEND_STEPS; ++step) {
        status = birdnet_frontend_step(&birdnet_frontend_config, step, pcm, scratch, features);
        if (!semihosting_write(output, features, sizeof features)) {
            return BIRDNET_ERROR_DEVICE;
        }
    }
    return status;
}

static int input_differs(void) {
    const birdnet_affine_t scale = {.elements = BIRDNET_FEATURE_ELEMENTS,
                                    .scale = BIRDNET_INPUT_SCALE,
                                    .zero_point = BIRDNET_INPUT_ZERO_POINT};
    (void)birdnet_quantize(&scale, features, quantized);
    for (uint32_t i = 0; i < BIRDNET_FEATURE_ELEMENTS; ++i) {
        if (birdnet_network_input(&network)[birdnet_network_input_place(i)] != quantized[i]) {
            return 1;
        }
    }
    return 0;
}

int main(void) {
    const int32_t input = semihosting_open("pcm", SEMIHOSTING_READ);
    const int32_t output = semihosting_open("results", SEMIHOSTING_WRITE);
    SYSTICK[1] = LARGEST;
    SYSTICK[2] = 0u;
    SYSTICK[0] = 5u;
    while (semihosting_read(input, pcm, sizeof pcm) == sizeof pcm) {
        if (write_floats(output) != BIRDNET_OK) {
            return 2;
        }
        const uint32_t before = SYSTICK[2];
        if (birdnet_frontend_feed(&network, pcm, scratch) != BIRDNET_OK) {
            return 2;
        }
        const uint32_t ticks = (before - SYSTICK[2]) & LARGEST;
        if (input_differs()) {
            return 3;
        }
        if (!semihosting_write(output, &ticks, sizeof ticks)) {
            return 1;
        }
    }
    return 0;
}
