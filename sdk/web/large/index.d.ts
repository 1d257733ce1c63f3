/** To be given to createLinnetNode() of the package linnet among its `models`. */
export const large: { readonly name: "large"; readonly quality: number; readonly url: URL };
