#include "weights.h"

#include "crc32.h"
#include "npu_config.h"

#include <stdint.h>

const char *weights_check(void) {
    const uint8_t *const weights = (const uint8_t *)NPU_WEIGHTS_ADDRESS;
    uint32_t crc = CRC32_BEGIN;
    for (uint32_t i = 0; i < NPU_WEIGHTS_BYTES; ++i) {
        crc = crc32_add(crc, weights[i]);
    }
    return crc32_end(crc) == NPU_WEIGHTS_CRC ? NULL
                                             : "the flash does not hold this network's weights";
}
