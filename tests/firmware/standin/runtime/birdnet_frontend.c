#include "birdnet_frontend.h"

birdnet_status_t birdnet_frontend_step(const birdnet_frontend_config_t *config, uint32_t step,
                                       const int16_t *pcm, double *scratch, float *features) {
    (void)scratch;
    for (uint32_t i = 0; step == 0u && i < config->elements; ++i) {
        features[i] = (float)pcm[i] / 32768.0f;
    }
    return BIRDNET_OK;
}
