pluginManagement {
  repositories {
    google()
    mavenCentral()
    gradlePluginPortal()
  }
}

dependencyResolutionManagement {
  repositories {
    // What `./sconsw aar` makes.
    maven { url = uri("../../../build/android/maven") }
    google()
    mavenCentral()
  }
}

rootProject.name = "linnet-sample"
include(":app")
