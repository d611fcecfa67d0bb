#include "birdnet_frontend_config.h"
const birdnet_frontend_config_t birdnet_frontend_config = {.elements = BIRDNET_FEATURE_ELEMENTS};
