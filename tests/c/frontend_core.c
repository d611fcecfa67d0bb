/*
 * On the emulated core: reads windows of PCM (int16) from the file `pcm` and writes to `results`
 * for each what every step of the front end leaves behind, in float32, and the instructions of all
 * of it, quantization included, in ticks of SysTick.
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

void console_write(const char *text, size_t length) {
    (void)text;
    (void)length;
}

int main(void) {
    const birdnet_affine_t layer = {
        .elements = BIRDNET_FEATURE_ELEMENTS, .scale = 1.0f / 255.0f, .zero_point = -128};
    const int32_t input = semihosting_open("pcm", SEMIHOSTING_READ);
    const int32_t output = semihosting_open("results", SEMIHOSTING_WRITE);
    SYSTICK[1] = LARGEST;
    SYSTICK[2] = 0u;
    SYSTICK[0] = 5u;
    while (semihosting_read(input, pcm, sizeof pcm) == sizeof pcm) {
        uint32_t ticks = 0;
        for (uint32_t step = 0; step < BIRDNET_FRONTEND_STEPS; ++step) {
            const uint32_t before = SYSTICK[2];
            if (birdnet_frontend_step(&birdnet_frontend_config, step, pcm, scratch, features) !=
                BIRDNET_OK) {
                return 2;
            }
            ticks += (before - SYSTICK[2]) & LARGEST;
            if (!semihosting_write(output, features, sizeof features)) {
                return 1;
            }
        }
        const uint32_t before = SYSTICK[2];
        if (birdnet_quantize_to(&layer, features, quantized, 1) != BIRDNET_OK) {
            return 2;
        }
        ticks += (before - SYSTICK[2]) & LARGEST;
        if (!semihosting_write(output, &ticks, sizeof ticks)) {
            return 1;
        }
    }
    return 0;
}
