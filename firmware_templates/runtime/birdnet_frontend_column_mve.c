/* birdnet_frontend_column() for cores with Helium. */
#include "birdnet_frontend_column.h"

#include "birdnet_fft.h"

#ifdef BIRDNET_FFT_FIXED

#include <stdbool.h>
#include <string.h>

#include "birdnet_float_mve.h"

/* The samples of the frame. Samples outside of the window are zero. */
static const int16_t *frame_samples(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                    uint32_t frame, int16_t *padded) {
    const uint32_t length = config->fft_length;
    const uint32_t half = length / 2u;
    const uint32_t centre = frame * config->hop_samples;
    const uint32_t behind = config->window_samples - centre;
    const uint32_t first = centre < half ? half - centre : 0u;
    const uint32_t end = behind < half ? half + behind : length;
    const int16_t *const samples = pcm + (centre + first - half);
    if (end - first == length) {
        return samples;
    }
    memset(padded, 0, length * sizeof *padded);
    memcpy(padded + first, samples, (end - first) * sizeof *padded);
    return padded;
}

static void store_bins(const birdnet_frontend_config_t *config,
                       const birdnet_magnitude_t *magnitudes, float *column, uint32_t stride) {
    const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), stride);
    for (uint32_t left = config->bins / 4u; left > 0u; --left) {
        vstrwq_scatter_shifted_offset_f32(column, offsets, vld1q_f32((const float *)magnitudes));
        magnitudes += 4;
        column += 4u * stride;
    }
    for (uint32_t left = config->bins % 4u; left > 0u; --left) {
        *column = *magnitudes++;
        column += stride;
    }
}

void birdnet_frontend_sum_bands(const birdnet_frontend_config_t *config, const float *magnitudes,
                                float *column, uint32_t stride) {
    const float *weight = config->mel_weights;
    for (uint32_t band = 0; band < config->rows; ++band) {
        const float *value = magnitudes + config->mel_first_bins[band];
        uint32_t left = config->mel_bin_counts[band];
        float32x4_t sums = vdupq_n_f32(0.0f);
        for (; left >= 4u; left -= 4u) {
            sums = vfmaq_f32(sums, vld1q_f32(weight), vld1q_f32(value));
            weight += 4;
            value += 4;
        }
        const mve_pred16_t rest = vctp32q(left);
        sums = vfmaq_f32(sums, vld1q_z_f32(weight, rest), vld1q_z_f32(value, rest));
        weight += left;
        *column = vgetq_lane_f32(sums, 0) + vgetq_lane_f32(sums, 1) + vgetq_lane_f32(sums, 2) +
                  vgetq_lane_f32(sums, 3);
        column += stride;
    }
}

void birdnet_frontend_column(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             uint32_t frame, double *scratch, float *column, uint32_t stride) {
    const uint32_t length = config->fft_length;
    const bool direct = config->kind != BIRDNET_FRONTEND_MEL && stride == 1u;
    int32_t *const work = (int32_t *)(void *)scratch;
    const int16_t *const samples =
        frame_samples(config, pcm, frame, (int16_t *)(void *)(work + length));
    const birdnet_magnitude_t *const magnitudes =
        birdnet_fft_magnitudes(length, config->fixed_taper, config->fixed_twiddles, samples,
                               config->bins, work, direct ? column : NULL);
    if (config->kind == BIRDNET_FRONTEND_MEL) {
        birdnet_frontend_sum_bands(config, (const float *)magnitudes, column, stride);
    } else if (!direct) {
        store_bins(config, magnitudes, column, stride);
    }
}

#endif
