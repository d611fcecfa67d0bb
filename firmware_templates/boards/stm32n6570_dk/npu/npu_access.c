#include "npu_access.h"

#include "ll_aton_version.h"
#include "mcu_cache.h"
#include "npu_cache.h"
#include "stm32n6xx_hal.h"

/* Secure, privileged, compartment 1: what the CPU is after the boot ROM, and what the memories'
 * firewalls (RISAF) let through after a reset. So these need no rules of their own. */
static void open_firewall(void) {
    const RIMC_MasterConfig_t like_the_cpu = {
        .MasterCID = RIF_CID_1,
        .SecPriv = RIF_ATTRIBUTE_SEC | RIF_ATTRIBUTE_PRIV,
    };
    __HAL_RCC_RIFSC_CLK_ENABLE();
    HAL_RIF_RIMC_ConfigMasterAttributes(RIF_MASTER_INDEX_NPU, &like_the_cpu);
    HAL_RIF_RISC_SetSlaveSecureAttributes(RIF_RISC_PERIPH_INDEX_NPU,
                                          RIF_ATTRIBUTE_SEC | RIF_ATTRIBUTE_PRIV);
    /* Watches over illegal accesses, which would otherwise read as zeros. */
    __HAL_RCC_IAC_CLK_ENABLE();
    __HAL_RCC_IAC_FORCE_RESET();
    __HAL_RCC_IAC_RELEASE_RESET();
}

static void start_cache(void) {
    __HAL_RCC_CACHEAXIRAM_MEM_CLK_ENABLE();
    __HAL_RCC_CACHEAXI_CLK_ENABLE();
    __HAL_RCC_CACHEAXI_FORCE_RESET();
    __HAL_RCC_CACHEAXI_RELEASE_RESET();
#if LL_ATON_VERSION_MICRO < 3 /* from 1.1.3 on, enabling initialises too */
    npu_cache_init();
#endif
    npu_cache_enable();
    npu_cache_invalidate();
}

void npu_access_init(void) {
    __HAL_RCC_NPU_CLK_ENABLE();
    __HAL_RCC_NPU_FORCE_RESET();
    __HAL_RCC_NPU_RELEASE_RESET();
    start_cache();
    open_firewall();
}

void npu_hand_over(const void *data, uint32_t bytes) {
    const uint32_t first = (uint32_t)data;
    mcu_cache_clean_invalidate_range(first, first + bytes);
}

void npu_take_back(void *data, uint32_t bytes) {
    const uint32_t first = (uint32_t)data;
    mcu_cache_invalidate_range(first, first + bytes);
}
