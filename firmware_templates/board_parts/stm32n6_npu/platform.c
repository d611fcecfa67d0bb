#include "platform.h"

#include "npu_access.h"
#include "npu_config.h"
#include "stm32n6xx_hal.h"
#include "stopwatch.h"

#include <stddef.h>

const char *platform_start(void) {
    if (stopwatch_init() == STOPWATCH_NONE) {
        return "neither the cycle counter nor the system timer counts";
    }
    if (HAL_Init() != HAL_OK) {
        return "HAL";
    }
    const char *failure = clocks_init();
    memories_power_on();
    if (failure == NULL) {
        failure = flash_init();
    }
#if NPU_USES_HYPERRAM
    if (failure == NULL) {
        failure = external_ram_init();
    }
#endif
    if (failure == NULL) {
        npu_access_init();
    }
    return failure;
}
