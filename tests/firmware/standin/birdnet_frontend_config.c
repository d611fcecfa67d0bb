#include "birdnet_frontend_config.h"
const birdnet_frontend_config_t birdnet_frontend_config = {.elements = BIRDNET_FEATURE_ELEMENTS};

birdnet_status_t birdnet_frontend_feed(const birdnet_network_t *network, const int16_t *pcm,
                                       double *scratch) {
    (void)scratch;
    for (uint32_t i = 0; i < BIRDNET_FEATURE_ELEMENTS; ++i) {
        birdnet_network_input(network)[i] = (int8_t)(pcm[i] / 256);
    }
    return BIRDNET_OK;
}
