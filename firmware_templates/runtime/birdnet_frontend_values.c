#include "birdnet_frontend_values.h"

#if !(defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2))

#include <math.h>
#include <stdbool.h>

#include "birdnet_frontend_margin.h"

void birdnet_values_sqrt(float *values, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = sqrtf(values[i]);
    }
}

void birdnet_values_log(float *values, uint32_t count, float floor) {
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = logf(values[i] > floor ? values[i] : floor);
    }
}

void birdnet_values_widen(birdnet_range_t *range, const float *values, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        range->low = values[i] < range->low ? values[i] : range->low;
        range->high = values[i] > range->high ? values[i] : range->high;
    }
}

void birdnet_values_scale(float *values, uint32_t count, float low, float width) {
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = (values[i] - low) / width;
    }
}

void birdnet_values_keep(const float *values, uint32_t count, float factor, uint16_t *kept,
                         uint32_t stride) {
    for (uint32_t i = 0; i < count; ++i) {
        kept[i * stride] = (uint16_t)(values[i] * factor + 0.5f);
    }
}

/* False if step is NaN. */
static bool round_one(const birdnet_grid_t *grid, uint16_t kept, float step, int8_t *rounded) {
    const float exact = (float)kept * step + grid->offset;
    float steps = roundf(exact);
    const float distance = fabsf(exact - steps) + exact * BIRDNET_MARGIN_RELATIVE;
    steps = steps > (float)grid->minimum ? steps : (float)grid->minimum;
    steps = steps < (float)grid->maximum ? steps : (float)grid->maximum;
    *rounded = (int8_t)((int32_t)steps + grid->zero_point);
    return distance < birdnet_margin(grid->offset, step);
}

_Bool birdnet_values_round(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                           float step, int8_t *rounded) {
    bool sure = true;
    for (uint32_t i = 0; i < count; ++i) {
        sure = round_one(grid, kept[i], step, &rounded[i]) && sure;
    }
    return sure;
}

void birdnet_values_round_each(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                               float *steps, int8_t *rounded) {
    for (uint32_t i = 0; i < count; ++i) {
        if (!round_one(grid, kept[i], steps[i], &rounded[i])) {
            steps[i] = NAN;
        }
    }
}

void birdnet_values_mix(const birdnet_frontend_mixer_t *mixer, const birdnet_scaling_t *scaling,
                        float *values, uint32_t bands) {
    for (uint32_t band = 0; band < bands; ++band) {
        const float low = scaling->low * mixer->weight_sums[band];
        const float energy = fmaxf((values[band] - low) / scaling->width, 0.0f);
        float value = mixer->slopes[band] * energy;
        for (uint32_t i = band; i < mixer->hinges * bands; i += bands) {
            const float hinge = mixer->hinge_slopes[i] * energy + mixer->hinge_offsets[i];
            value += mixer->hinge_factors[i] * fmaxf(hinge, 0.0f);
        }
        values[band] = value;
    }
}

void birdnet_values_subrange(const float *values, uint32_t count, float begin, float end,
                             float *shifted) {
    for (uint32_t i = 0; i < count; ++i) {
        shifted[i] = (fmaxf(fminf(values[i], end), begin) - begin) / (end - begin);
    }
}

uint32_t birdnet_pcm_peak(const int16_t *pcm, uint32_t count) {
    int32_t peak = 0;
    for (uint32_t i = 0; i < count; ++i) {
        const int32_t magnitude = pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i];
        peak = magnitude > peak ? magnitude : peak;
    }
    return (uint32_t)peak;
}

void birdnet_pcm_scale(const int16_t *pcm, uint32_t count, float *values) {
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = (float)pcm[i] * (1.0f / 32768.0f);
    }
}

#endif
