#include "birdnet_resample.h"

#include <string.h>

const birdnet_resample_filter_t *birdnet_resample_find(const birdnet_resample_filter_t *filters,
                                                       size_t count, uint32_t input_rate_hz) {
    for (size_t i = 0; i < count; ++i) {
        if (filters[i].input_rate_hz == input_rate_hz) {
            return &filters[i];
        }
    }
    return NULL;
}

uint64_t birdnet_resample_samples(const birdnet_resample_filter_t *filter, uint64_t input_samples) {
    const uint64_t whole = input_samples / filter->down;
    const uint64_t rest = input_samples % filter->down;
    return whole * filter->up + (2u * rest * filter->up + filter->down) / (2u * filter->down);
}

uint64_t birdnet_resample_begin(birdnet_resampler_t *resampler,
                                const birdnet_resample_filter_t *filter, uint64_t first) {
    const uint64_t position = first / filter->up * filter->down; /* in input samples */
    const uint64_t rest = first % filter->up * filter->down;
    const uint64_t centre = position + rest / filter->up;
    const uint32_t before = filter->taps / 2u - 1u;
    memset(resampler, 0, sizeof *resampler);
    resampler->filter = filter;
    resampler->phase = (uint32_t)(rest % filter->up);
    if (centre >= before) {
        resampler->missing = filter->taps;
        return centre - before;
    }
    /* Zeros stand before the beginning. */
    resampler->missing = (uint32_t)centre + filter->taps / 2u + 1u;
    return 0u;
}

static void push(birdnet_resampler_t *resampler, int16_t sample) {
    const uint32_t taps = resampler->filter->taps;
    resampler->history[resampler->oldest] = sample;
    resampler->history[resampler->oldest + taps] = sample;
    resampler->oldest = resampler->oldest + 1u == taps ? 0u : resampler->oldest + 1u;
}

static int16_t next_output(birdnet_resampler_t *resampler) {
    const birdnet_resample_filter_t *filter = resampler->filter;
    const int16_t *coefficients = filter->coefficients + resampler->phase * filter->taps;
    const int64_t sum =
        birdnet_resample_sum(resampler->history + resampler->oldest, coefficients, filter->taps);
    const int64_t rounded = (sum + ((int64_t)1 << (filter->shift - 1))) >> filter->shift;
    const uint32_t moved = resampler->phase + filter->down;
    resampler->missing = moved / filter->up;
    resampler->phase = moved % filter->up;
    return (int16_t)(rounded < INT16_MIN ? INT16_MIN : rounded > INT16_MAX ? INT16_MAX : rounded);
}

uint32_t birdnet_resample_run(birdnet_resampler_t *resampler, const int16_t *input, uint32_t count,
                              uint32_t *used, int16_t *output, uint32_t capacity) {
    uint32_t taken = 0;
    uint32_t written = 0;
    while (written < capacity) {
        while (resampler->missing > 0u && taken < count) {
            push(resampler, input == NULL ? 0 : input[taken]);
            ++taken;
            --resampler->missing;
        }
        if (resampler->missing > 0u) {
            break;
        }
        output[written++] = next_output(resampler);
    }
    *used = taken;
    return written;
}
