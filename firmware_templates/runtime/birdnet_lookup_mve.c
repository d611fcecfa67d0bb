/* birdnet_lookup() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"

birdnet_status_t birdnet_lookup(const birdnet_lookup_t *layer, const int8_t *input,
                                int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const uint8x16_t minimum = vdupq_n_u8(0x80); /* INT8_MIN is entry 0 */
    for (int32_t left = layer->elements; left > 0; left -= 16) {
        const mve_pred16_t lanes = vctp8q((uint32_t)left);
        const uint8x16_t value = vreinterpretq_u8_s8(vldrbq_z_s8(input, lanes));
        const uint8x16_t entry = veorq_u8(value, minimum);
        vstrbq_p_s8(output, vldrbq_gather_offset_z_s8(layer->table, entry, lanes), lanes);
        input += 16;
        output += 16;
    }
    return BIRDNET_OK;
}

#endif
