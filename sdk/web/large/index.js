// The largest model of linnet as an entry of its list of models. quality: mean PESQ-WB of 110 noisy mixtures.
export const large = { name: "large", quality: 2.020, url: new URL("./large.linnet", import.meta.url) };
