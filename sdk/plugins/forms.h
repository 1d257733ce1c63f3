// The forms of the plug-in, each a plug-in of its own for LADSPA and LV2, and the models inside (models.cpp).
#ifndef LINNET_PLUGINS_FORMS_H
#define LINNET_PLUGINS_FORMS_H

#define LINNET_HIDDEN __attribute__((visibility("hidden")))
extern "C" {
LINNET_HIDDEN extern const unsigned char linnet_large[], linnet_large_end[];
LINNET_HIDDEN extern const unsigned char linnet_light[], linnet_light_end[];
}

namespace plugin {

struct Form {
  const char *label;  // of LADSPA
  const char *uri;    // of LV2
  const char *name;   // for people
  const unsigned char *model, *model_end;
  int channels;
};

constexpr int kForms = 4;
constexpr Form kForm[kForms] = {
    {"linnet_mono", "urn:linnet:mono", "linnet speech enhancement (mono)", linnet_large, linnet_large_end, 1},
    {"linnet_stereo", "urn:linnet:stereo", "linnet speech enhancement (stereo)", linnet_large, linnet_large_end, 2},
    {"linnet_light_mono", "urn:linnet:light:mono", "linnet light speech enhancement (mono)", linnet_light,
     linnet_light_end, 1},
    {"linnet_light_stereo", "urn:linnet:light:stereo", "linnet light speech enhancement (stereo)", linnet_light,
     linnet_light_end, 2},
};

}  // namespace plugin

#endif
