/* On the emulated core: converts the file `pcm` (int16, at INPUT_RATE_HZ) and writes to `results`
 * all output samples, and the instructions of a second of input, in ticks of SysTick. */
#include "birdnet_resample_filters.h"
#include "console.h"
#include "semihosting.h"

#define BUFFER __attribute__((section(".birdnet_buffers"), aligned(32))) static
#define SYSTICK ((volatile uint32_t *)0xE000E010u) /* control, reload, current value */
#define LARGEST 0xFFFFFFu
#define OUTPUT_RATE_HZ 24000u
#define BLOCK 512u

BUFFER int16_t pcm[INPUT_RATE_HZ];
BUFFER int16_t output[OUTPUT_RATE_HZ + BLOCK];
BUFFER birdnet_resampler_t resampler;

void console_write(const char *text, size_t length) {
    (void)text;
    (void)length;
}

int main(void) {
    const int32_t input = semihosting_open("pcm", SEMIHOSTING_READ);
    const int32_t results = semihosting_open("results", SEMIHOSTING_WRITE);
    const birdnet_resample_filter_t *filter =
        birdnet_resample_find(birdnet_resample_filters, BIRDNET_RESAMPLE_FILTERS, INPUT_RATE_HZ);
    if (filter == NULL || semihosting_read(input, pcm, sizeof pcm) != sizeof pcm) {
        return 2;
    }
    SYSTICK[1] = LARGEST;
    SYSTICK[2] = 0u;
    SYSTICK[0] = 5u;
    uint32_t written = 0;
    (void)birdnet_resample_begin(&resampler, filter, 0u);
    const uint32_t before = SYSTICK[2];
    for (uint32_t at = 0; at < INPUT_RATE_HZ;) {
        const uint32_t left = INPUT_RATE_HZ - at;
        uint32_t used;
        written += birdnet_resample_run(&resampler, pcm + at, left < BLOCK ? left : BLOCK, &used,
                                        output + written, BLOCK);
        at += used;
    }
    const uint32_t ticks = (before - SYSTICK[2]) & LARGEST;
    return semihosting_write(results, output, written * sizeof *output) &&
                   semihosting_write(results, &ticks, sizeof ticks)
               ? 0
               : 1;
}
