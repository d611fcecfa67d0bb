/* A stand-in for what ST's tool generates: no epochs, an input of 64 bytes and an output of 3 that
 * the application provides, named as before 3.0 for every version. Written for the runtime's public
 * interface; it computes nothing, and exists so that the firmware can be linked where ST's sources
 * are. */
#include "ll_aton.h"
#include "ll_aton_NN_interface.h"
#include "ll_aton_version.h"

#include <stddef.h>

static unsigned char input[64] __attribute__((aligned(32)));
static void *output;

bool LL_ATON_EC_Network_Init_Default(void) {
    return true;
}

bool LL_ATON_EC_Inference_Init_Default(void) {
    return true;
}

LL_ATON_User_IO_Result_t LL_ATON_Set_User_Input_Buffer_Default(uint32_t number, void *buffer,
                                                               uint32_t bytes) {
    (void)number;
    (void)buffer;
    (void)bytes;
    return LL_ATON_User_IO_WRONG_INDEX;
}

void *LL_ATON_Get_User_Input_Buffer_Default(uint32_t number) {
    (void)number;
    return NULL;
}

LL_ATON_User_IO_Result_t LL_ATON_Set_User_Output_Buffer_Default(uint32_t number, void *buffer,
                                                                uint32_t bytes) {
    (void)number;
    (void)bytes;
    output = buffer;
    return LL_ATON_User_IO_NOERROR;
}

void *LL_ATON_Get_User_Output_Buffer_Default(uint32_t number) {
    (void)number;
    return output;
}

const EpochBlock_ItemTypeDef *LL_ATON_EpochBlockItems_Default(void) {
    static const EpochBlock_ItemTypeDef items[] = {{.flags = EpochBlock_Flags_last_eb}};
    return items;
}

const LL_Buffer_InfoTypeDef *LL_ATON_Input_Buffers_Info_Default(void) {
    static const LL_Buffer_InfoTypeDef buffers[] = {
        {.name = "input", .addr_base = {input}, .offset_end = 64, .offset_limit = 64},
        {.name = NULL},
    };
    return buffers;
}

const LL_Buffer_InfoTypeDef *LL_ATON_Output_Buffers_Info_Default(void) {
    static const LL_Buffer_InfoTypeDef buffers[] = {
        {.name = "output",
         .addr_base = {(unsigned char *)&output}, /* where its address will be */
         .offset_end = 3,
         .offset_limit = 32,
         .is_user_allocated = 1},
        {.name = NULL},
    };
    return buffers;
}

const LL_Buffer_InfoTypeDef *LL_ATON_Internal_Buffers_Info_Default(void) {
    return NULL;
}

#if LL_ATON_VERSION_MICRO >= 3 /* from 3.0 on */
const LL_Streng_EncryptionTypedef *LL_ATON_WeightEncryption_Info_Default(void) {
    return NULL;
}

const LL_Streng_EncryptionTypedef *LL_ATON_BlobEncryption_Info_Default(void) {
    return NULL;
}
#endif
