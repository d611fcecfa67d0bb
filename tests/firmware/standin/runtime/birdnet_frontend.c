#include "birdnet_frontend.h"

birdnet_status_t birdnet_frontend_magnitude(const birdnet_frontend_config_t *config,
                                            const int16_t *pcm, float *scratch, float *features) {
    (void)scratch;
    for (uint32_t i = 0; i < config->elements; ++i) {
        features[i] = (float)pcm[i] / 32768.0f;
    }
    return BIRDNET_OK;
}

birdnet_status_t birdnet_frontend_compress(const birdnet_frontend_config_t *config,
                                           float *features) {
    (void)config;
    (void)features;
    return BIRDNET_OK;
}

birdnet_status_t birdnet_frontend_normalize(const birdnet_frontend_config_t *config,
                                            float *features) {
    (void)config;
    (void)features;
    return BIRDNET_OK;
}
