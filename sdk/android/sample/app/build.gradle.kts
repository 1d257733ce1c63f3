plugins {
  id("com.android.application")
  id("org.jetbrains.kotlin.android")
}

android {
  namespace = "org.linnet.sample"
  compileSdk = 35

  defaultConfig {
    applicationId = "org.linnet.sample"
    minSdk = 24
    targetSdk = 35
    versionCode = 1
    versionName = "1"
    testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
    ndk { abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64") }
    externalNativeBuild { cmake { arguments += "-DANDROID_STL=c++_shared" } }
  }

  buildFeatures { prefab = true }
  // Stored as it is, a model is mapped from the app's file instead of being unpacked into memory.
  androidResources { noCompress += "linnet" }
  externalNativeBuild { cmake { path = file("src/main/cpp/CMakeLists.txt") } }

  compileOptions {
    sourceCompatibility = JavaVersion.VERSION_1_8
    targetCompatibility = JavaVersion.VERSION_1_8
  }
  kotlinOptions { jvmTarget = "1.8" }
}

dependencies {
  implementation("org.linnet:linnet:0.1.0")
  implementation("com.google.oboe:oboe:1.9.3") // the first one for pages of 16 KB
  androidTestImplementation("androidx.test:runner:1.6.2")
  androidTestImplementation("androidx.test.ext:junit:1.2.1")
}
