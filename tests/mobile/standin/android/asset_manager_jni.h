/* What the sample calls of Android's own header, to compile it where there is no NDK. */
#pragma once

#include <jni.h>

#include <cstdint>

struct AAssetManager;
struct AAsset;
enum { AASSET_MODE_BUFFER = 3 };

extern "C" {
AAssetManager *AAssetManager_fromJava(JNIEnv *env, jobject manager);
AAsset *AAssetManager_open(AAssetManager *manager, const char *name, int mode);
const void *AAsset_getBuffer(AAsset *asset);
int64_t AAsset_getLength64(AAsset *asset);
void AAsset_close(AAsset *asset);
}
