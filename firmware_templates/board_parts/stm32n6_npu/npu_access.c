#include "npu_access.h"

#include "ll_aton_version.h"
#include "npu_cache.h"
#include "npu_config.h"
#include "stm32n6xx_hal.h"

#include <stddef.h>

static bool npu_is_on;
static bool is_watched;

/* Secure, privileged, compartment 1: what the CPU is after the boot ROM, and what the memories'
 * firewalls (RISAF) let through after a reset. So these need no rules of their own. */
static void admit_npu(void) {
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
    __HAL_RCC_RISAF_CLK_ENABLE(); /* what they refused is read in a diagnosis */
    for (size_t i = 0; i < sizeof IAC->IER / sizeof IAC->IER[0]; ++i) {
        IAC->IER[i] = UINT32_MAX; /* sets flags; its interrupt stays disabled */
    }
    is_watched = true;
}

#if NPU_OPEN_RISAF
/* For loaders that leave the firewalls otherwise than a reset does: lets every compartment at the
 * memories behind the NPU's, the CPU's and the external memories' ways. Not RISAF 2 and 3, whose
 * change was found to lock out debuggers. */
static void open_firewalls(void) {
    static const struct {
        RISAF_TypeDef *firewall;
        uint32_t last; /* address behind it */
    } opened[] = {
        {RISAF4, RISAF4_LIMIT_ADDRESS_SPACE_SIZE},
        {RISAF5, RISAF5_LIMIT_ADDRESS_SPACE_SIZE},
        {RISAF6, RISAF6_LIMIT_ADDRESS_SPACE_SIZE},
        {RISAF12, RISAF12_LIMIT_ADDRESS_SPACE_SIZE},
#if NPU_USES_HYPERRAM
        {RISAF11, RISAF11_LIMIT_ADDRESS_SPACE_SIZE},
#endif
    };
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; ++i) {
        const RISAF_BaseRegionConfig_t everything = {
            .Filtering = RISAF_FILTER_ENABLE,
            .Secure = RIF_ATTRIBUTE_SEC,
            .PrivWhitelist = RIF_CID_NONE,
            .ReadWhitelist = RIF_CID_MASK,
            .WriteWhitelist = RIF_CID_MASK,
            .StartAddress = 0u,
            .EndAddress = opened[i].last,
        };
        HAL_RIF_RISAF_ConfigBaseRegion(opened[i].firewall, 0u, &everything);
    }
}
#endif

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
    npu_is_on = true;
    start_cache();
    admit_npu();
#if NPU_OPEN_RISAF
    open_firewalls();
#endif
}

bool npu_access_is_on(void) {
    return npu_is_on;
}

bool npu_access_is_watched(void) {
    return is_watched;
}
