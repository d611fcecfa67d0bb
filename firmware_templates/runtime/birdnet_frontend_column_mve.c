/* birdnet_frontend_column() for cores with Helium. */
#include "birdnet_frontend_column.h"

#include "birdnet_fft.h"

#ifdef BIRDNET_FFT_FIXED

#include "birdnet_float_mve.h"

/* By how much samples are shifted so that the largest is near 2^29: a quiet frame keeps all bits of
 * its products. */
static int32_t headroom(const int16_t *pcm, uint32_t count) {
    uint16x8_t peaks = vdupq_n_u16(0);
    for (; count >= 8u; count -= 8u) {
        peaks = vmaxaq_s16(peaks, vld1q_s16(pcm));
        pcm += 8;
    }
    const mve_pred16_t rest = vctp16q(count);
    peaks = vmaxaq_m_s16(peaks, vld1q_z_s16(pcm, rest), rest);
    const uint32_t peak = vmaxvq_u16(1, peaks);
    return (int32_t)__builtin_clz(peak) - 3;
}

static const birdnet_magnitude_t *frame_magnitudes(const birdnet_frontend_config_t *config,
                                                   const int16_t *pcm, uint32_t frame,
                                                   int32_t *scratch) {
    const uint32_t length = config->fft_length;
    const uint32_t half = length / 2u;
    const uint32_t centre = frame * config->hop_samples;
    const uint32_t behind = config->window_samples - centre;
    const uint32_t first = centre < half ? half - centre : 0u;
    const uint32_t end = behind < half ? half + behind : length;
    if (end - first < length) { /* what lies outside of the window is zero */
        for (uint32_t n = 0; n < length; n += 4u) {
            vst1q_s32(scratch + n, vdupq_n_s32(0));
        }
    }
    const int16_t *sample = pcm + (centre + first - half);
    const int32_t *taper = config->fixed_taper + first;
    int32_t *tapered = scratch + first;
    uint32_t left = end - first;
    const int32_t shift = headroom(sample, left);
    for (; left >= 4u; left -= 4u) {
        const int32x4_t value = vshlq_r_s32(vldrhq_s32(sample), shift);
        vst1q_s32(tapered, vqrdmulhq_s32(value, vld1q_s32(taper)));
        sample += 4;
        taper += 4;
        tapered += 4;
    }
    const mve_pred16_t rest = vctp32q(left);
    const int32x4_t value = vshlq_r_s32(vldrhq_z_s32(sample, rest), shift);
    vst1q_p_s32(tapered, vqrdmulhq_s32(value, vld1q_z_s32(taper, rest)), rest);
    return birdnet_fft_magnitudes(length, config->fixed_twiddles, shift + 15, scratch,
                                  scratch + length);
}

static void store_bins(const birdnet_frontend_config_t *config,
                       const birdnet_magnitude_t *magnitudes, float *column) {
    const uint32_t stride = config->row_stride;
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

static void sum_bands(const birdnet_frontend_config_t *config,
                      const birdnet_magnitude_t *magnitudes, float *column) {
    const float *weight = config->mel_weights;
    for (uint32_t band = 0; band < config->rows; ++band) {
        const float *value = (const float *)magnitudes + config->mel_first_bins[band];
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
        column += config->row_stride;
    }
}

void birdnet_frontend_column(const birdnet_frontend_config_t *config, const int16_t *pcm,
                             uint32_t frame, double *scratch, float *column) {
    const birdnet_magnitude_t *const magnitudes =
        frame_magnitudes(config, pcm, frame, (int32_t *)(void *)scratch);
    if (config->kind == BIRDNET_FRONTEND_MEL) {
        sum_bands(config, magnitudes, column);
    } else {
        store_bins(config, magnitudes, column);
    }
}

#endif
