/* birdnet_channel_lookup() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"

birdnet_status_t birdnet_channel_lookup(const birdnet_channel_lookup_t *layer, const int8_t *input,
                                        int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t channels = layer->channels;
    /* Offset of entry -INT8_MIN in the tables of eight neighbouring channels. */
    const uint16x8_t zero = vmlaq_n_u16(vdupq_n_u16(128), vidupq_n_u16(0, 1), 256);
    const int32_t stride = layer->channel_stride;
    const uint16x8_t places = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)stride);
    for (int32_t c = 0; c < channels; c += 8) {
        const mve_pred16_t lanes = vctp16q((uint32_t)(channels - c));
        const int8_t *tables = layer->tables + 256 * c;
        const int8_t *from = input + c;
        int8_t *to = output + c * stride;
        for (int32_t p = layer->pixels; p > 0; --p) {
            const uint16x8_t value = vreinterpretq_u16_s16(vldrbq_z_s16(from, lanes));
            const uint16x8_t entry = vaddq_u16(zero, value);
            const int16x8_t result = vldrbq_gather_offset_z_s16(tables, entry, lanes);
            vstrbq_scatter_offset_p_s16(to, places, result, lanes);
            from += channels;
            to += layer->pixel_stride;
        }
    }
    return BIRDNET_OK;
}

#endif
