// swift-tools-version:5.7
import PackageDescription

let package = Package(
  name: "Linnet",
  platforms: [.iOS(.v14), .macOS(.v11)],
  products: [
    .library(name: "Linnet", targets: ["Linnet"])
  ],
  targets: [
    .binaryTarget(name: "CLinnet", path: "CLinnet.xcframework"),
    .target(
      name: "Linnet",
      dependencies: ["CLinnet"],
      resources: [.copy("Models"), .copy("PrivacyInfo.xcprivacy")]
    ),
    .testTarget(name: "LinnetTests", dependencies: ["Linnet"]),
  ]
)
